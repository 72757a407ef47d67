const head = "export const shaders = [\n";
const tail = "];\n";

/** model.wgsl.js: an ES module with the shaders in the plan's order, each a template without substitutions. */
export function shaderModule(shaders: readonly string[]): string {
  const texts = shaders.map((text) => `\`${text.replaceAll(/^ +/gm, "")}\`,\n`);
  return `${head}${texts.join("")}${tail}`;
}

/** The shaders of such a module, which is read and not run; undefined for a text that is none. */
export function shadersOf(module: string): readonly string[] | undefined {
  if (!module.startsWith(head) || !module.endsWith(tail) || /[\\$]/.test(module)) return undefined;
  const parts = module.slice(head.length, module.length - tail.length).split("`");
  // Between the texts is nothing but commas and line ends.
  const isEven = parts.length % 2 === 1 && parts.every((part, i) => i % 2 === 1 || part === (i === 0 ? "" : ",\n"));
  return isEven ? parts.filter((_, i) => i % 2 === 1) : undefined;
}
