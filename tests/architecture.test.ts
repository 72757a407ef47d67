import { readFileSync, readdirSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { ts } from "ts-morph";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const codeFolders = ["src", "tests", "bench", "examples", "scripts", "bin"] as const;

/** A layer sees itself and those named here; one-way, so that each can be read without the ones above. */
const layers: Readonly<Record<string, readonly string[]>> = {
  ir: [],
  runtime: ["ir"],
  zoo: ["ir"],
  frontend: ["ir", "zoo"],
  passes: ["ir"],
  backends: ["ir", "passes", "runtime"],
  driver: ["ir", "zoo", "frontend", "passes", "backends", "runtime"],
  cli: ["ir", "zoo", "frontend", "passes", "backends", "runtime", "driver"],
  "index.ts": ["ir", "zoo", "frontend", "passes", "backends", "runtime", "driver"],
};

/** Packages, and the only files that know them. */
const packages: Readonly<Record<string, RegExp>> = {
  "onnx-proto": /^src\/backends\/onnx\/proto\.ts$/,
  "onnxruntime-node": /^src\/runtime\/ort\.ts$/,
  webgpu: /^src\/runtime\/webgpu-node\.ts$/,
  sharp: /^src\/frontend\/preprocess\/decode\.ts$/,
  jiti: /^src\/driver\/build\/load-module\.ts$/,
  elkjs: /^src\/driver\/graph-page\/level-layouts\.ts$/,
  zod: /^src\/driver\//,
  yaml: /^src\/driver\/plan\/yaml\.ts$/,
  commander: /^src\/cli\//,
  picocolors: /^src\/cli\//,
  "fastest-levenshtein": /^src\/(?:frontend|zoo)\//,
};

/** Everything in the checkout but what tools make, by its place from the root. */
const files = walk("");
const isCode = (place: string): boolean =>
  /\.[jt]s$/.test(place) && (!place.includes("/") || codeFolders.some((folder) => place.startsWith(`${folder}/`)));
const read = (place: string): string => readFileSync(join(root, place), "utf8");
const sources = new Map(
  files
    .filter(isCode)
    .map((place) => [place, ts.createSourceFile(place, read(place), ts.ScriptTarget.Latest, true)] as const),
);
const product = [...sources].filter(([place]) => place.startsWith("src/"));

/** Modules that a file imports, exports from or loads later. */
const imports = (file: ts.SourceFile): string[] =>
  ts.preProcessFile(file.text, true, true).importedFiles.map(({ fileName }) => fileName);

/** The folder of src (or file right in it) that a place belongs to. */
const layerOf = (place: string): string => place.split("/")[1] ?? "";

const resolveImport = (place: string, specifier: string): string =>
  new URL(specifier, `file:///${place}`).pathname.slice(1);

describe("layers", () => {
  it("every part of src is one", () => {
    expect(Object.keys(layers).sort()).toEqual([...new Set(product.map(([place]) => layerOf(place)))].sort());
  });

  it.each(Object.entries(layers))("%s imports itself and %s", (layer, below) => {
    const wrong = product
      .filter(([place]) => layerOf(place) === layer)
      .flatMap(([place, file]) =>
        imports(file)
          .filter((specifier) => specifier.startsWith("."))
          .map((specifier) => resolveImport(place, specifier))
          .filter((target) => !target.startsWith("src/") || ![layer, ...below].includes(layerOf(target)))
          .map((target) => `${place} imports ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  it("packages are imported where they belong, and are dependencies", () => {
    const { dependencies, optionalDependencies, peerDependencies } = packageJson();
    expect(Object.keys(packages).sort()).toEqual(
      Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }).sort(),
    );
    const wrong = product.flatMap(([place, file]) =>
      imports(file)
        .filter((specifier) => !/^(?:\.|node:)/.test(specifier))
        .filter((name) => packages[name]?.test(place) !== true)
        .map((name) => `${place} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("the runtime of browsers", () => {
  it("imports its own files alone, and nothing of Node's", () => {
    const seen = new Set(["src/runtime/webgpu/index.ts"]);
    for (const place of seen) {
      const file = sources.get(place);
      for (const specifier of file === undefined ? [] : imports(file)) seen.add(resolveImport(place, specifier));
    }
    expect([...seen].filter((place) => !place.startsWith("src/runtime/webgpu/"))).toEqual(["src/runtime/order.ts"]);
  });
});

describe("code", () => {
  const find = (matches: (node: ts.Node) => boolean): string[] =>
    [...sources].flatMap(([place, file]) => {
      const found: string[] = [];
      const visit = (node: ts.Node): void => {
        if (matches(node)) found.push(`${place}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
        ts.forEachChild(node, visit);
      };
      visit(file);
      return found;
    });

  it("uses no any", () => expect(find((node) => node.kind === ts.SyntaxKind.AnyKeyword)).toEqual([]));
  it("asserts nothing away with !", () => expect(find((node) => ts.isNonNullExpression(node))).toEqual([]));

  it("has no default exports but the families' and the configurations'", () => {
    const allowed = /^(?:src\/zoo\/([a-z0-9-]+)\/\1\.ts|[a-z.]+\.config\.ts):/;
    const isDefault = (node: ts.Node): boolean =>
      ts.isExportAssignment(node) ||
      (node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent)) ||
      (ts.isExportSpecifier(node) && node.name.text === "default");
    expect(find(isDefault).filter((place) => !allowed.test(place))).toEqual([]);
  });

  it("exports nothing that no other file names", () => {
    const users = new Map<string, number>();
    for (const [, file] of sources) for (const name of identifiers(file)) users.set(name, (users.get(name) ?? 0) + 1);
    const unused = product.flatMap(([place, file]) =>
      exported(file)
        .filter((name) => (users.get(name) ?? 0) < 2)
        .map((name) => `${place} exports ${name}`),
    );
    expect(unused).toEqual([]);
  });

  it("suppresses no checks", () => {
    const suppression = /@ts-(?:ignore|expect-error|nocheck)|(?:ox|es)lint-disable/;
    expect([...sources.keys()].filter((place) => suppression.test(read(place)))).toEqual([]);
  });

  it("has files of at most 600 lines, in kebab-case", () => {
    expect([...sources.keys()].filter((place) => read(place).split("\n").length > 601)).toEqual([]);
    const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*\.[jt]s$/;
    expect([...sources.keys()].filter((place) => !kebab.test(basename(place)))).toEqual([]);
  });
});

describe("the repository", () => {
  it("has file names that Windows and macOS take", () => {
    const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
    const legal = (name: string): boolean => /^[\w.,=@ +-]*[\w-]$/.test(name) && !reserved.test(name);
    expect(files.filter((file) => !file.split("/").every(legal))).toEqual([]);
    expect(new Set(files.map((file) => file.toLowerCase())).size).toBe(files.length);
    expect(files.filter((file) => file.length > 120)).toEqual([]);
  });

  it("mentions no place of somebody's machine", () => {
    const text = new Set([".ts", ".js", ".json", ".md", ".yml", ".yaml", ".ir", ""]);
    const machine = /(?<![\w.:/])\/(?:work|home|root|Users|tmp)\/\w|[A-Z]:\\Users|\.\.\/shared\b/;
    const mentions = files.filter((file) => text.has(extname(file)) && machine.test(read(file)));
    expect(mentions).toEqual([]);
  });
});

/** Every name that a file has. */
function identifiers(file: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return names;
}

/** The names that a file declares with `export`. */
function exported(file: ts.SourceFile): string[] {
  const isExport = (node: ts.Statement): boolean =>
    ts.canHaveModifiers(node) && (node.modifiers?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword) ?? false);
  return file.statements.filter(isExport).flatMap((node) => {
    if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText(file));
    const isNamed =
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node);
    return isNamed && node.name !== undefined ? [node.name.text] : [];
  });
}

type Dependencies = "dependencies" | "optionalDependencies" | "peerDependencies";

function packageJson(): Readonly<Record<Dependencies, Readonly<Record<string, string>>>> {
  return JSON.parse(read("package.json")) as ReturnType<typeof packageJson>;
}

function walk(folder: string): string[] {
  const made = new Set(["node_modules", "dist", ".git", "artifacts", "coverage"]);
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const place = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (made.has(entry.name)) return [];
    return entry.isDirectory() ? walk(place) : [place];
  });
}
