// timmc step by step, without writing anything: node examples/library.js
import { TimmcError, lower, optimize, print, registry, resolve } from "timmc";

// Registry: timm's names, and what timm published about them.
const small = registry
  .listArchitectures()
  .filter((name) => registry.isSupported(registry.familyOf(name)))
  .flatMap((name) => registry.pretrainedTags(name).map((tag) => `${name}.${tag}`))
  .map((name) => ({ name, ...registry.benchmarks(name) }))
  .filter(({ gmacs, top1 }) => gmacs && gmacs < 0.5 && top1)
  .toSorted((a, b) => (b.top1 ?? 0) - (a.top1 ?? 0));
console.log(`best of ${small.length} under half a GMAC: ${small[0]?.name}, top-1 ${small[0]?.top1} %`);

// A reference, and what it means.
const { architecture, tag, inputSize, family } = await resolve({ model: "resnet18" });
console.log(`resnet18 is ${architecture}.${tag} of the family ${family.name}, at ${inputSize.join(" x ")}`);

// The graph. Weights are names in it, so this takes milliseconds for any model.
const { lowered } = await lower({ model: "resnet18", taps: ["features.0"] });
for (const { pass, counts } of optimize(lowered.graph)) console.log(pass, counts);
console.log(print(lowered.graph));

// What is not possible is said, with the place and the way out.
try {
  await lower({ model: "resnet18", args: { num_classs: 10 } });
} catch (error) {
  if (!(error instanceof TimmcError)) throw error;
  console.log(`${error.code}: ${error.describe()}`);
}
