import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Mapping, findMapping } from "../../../../src/frontend/weights/diagnose/mapping.ts";
import {
  type Foreign,
  flaxVit,
  foreign,
  only,
  parametersOf,
  torchvisionConvnext,
  transformersResnet,
  transformersVit,
} from "./foreign.ts";

const lines = ({ templates }: Mapping): string[] => templates.map((t) => `${t.from} -> ${t.to}, ${t.matched}`);

/** Expects every pair to be true; gives the parameters that were found. */
function expectTrue({ templates }: Mapping, file: readonly Foreign[]): Set<string> {
  const truths = new Map(file.map((e) => [e.name, e.truth]));
  for (const { pairs } of templates)
    for (const { from, to } of pairs) for (const key of from) expect(to, key).toEqual([truths.get(key)]);
  return new Set(templates.flatMap((t) => t.pairs.flatMap((p) => p.to)));
}

test.each([
  ["vit_small_patch16_224", "transformers", transformersVit],
  ["resnet50", "transformers", transformersResnet],
  ["resnet18", "transformers", transformersResnet],
  ["convnext_tiny", "torchvision", torchvisionConvnext],
  ["vit_small_patch16_224", "Flax", flaxVit],
] as const)("%s under names in the manner of %s is found whole", async (model, _, write) => {
  const parameters = await parametersOf(model);
  const file = foreign(parameters, write);
  const mapping = findMapping(parameters, file);
  const found = expectTrue(mapping, file);
  expect(parameters.filter((p) => !found.has(p.name))).toEqual([]);
  expect(mapping.ambiguous).toEqual([]);
});

test.each([
  ["vgg16_bn", "convolutions and norms in one list"],
  ["seresnext50_32x4d", "shortcuts of a convolution and a norm"],
  ["vit_giant_patch14_dinov2", "so many norms that not all pairs are compared"],
])("%s: %s", async (model) => {
  const parameters = await parametersOf(model);
  const file = foreign(parameters, (name, shape) =>
    only(`learner.${name.replace("features", "trunk").replace("blocks", "layer").replace("norm", "ln_")}`, shape),
  );
  expect(expectTrue(findMapping(parameters, file), file).size).toBe(parameters.length);
});

test("templates say which numbers run, and what is added to them", async () => {
  const vit = await parametersOf("vit_small_patch16_224");
  expect(lines(findMapping(vit, foreign(vit, transformersVit)))).toEqual(
    expect.arrayContaining([
      "tower.encoder.layer.{N}.attention.output.dense.weight -> blocks.{N}.attn.proj.weight, 12",
      "tower.encoder.layer.{N}.attention.attention.{query,key,value}.bias -> blocks.{N}.attn.qkv.bias, 12",
      "tower.encoder.layer.{N}.layernorm_after.weight -> blocks.{N}.norm2.weight, 12",
    ]),
  );
  const resnet = await parametersOf("resnet50");
  expect(lines(findMapping(resnet, foreign(resnet, transformersResnet)))).toContain(
    "net.encoder.stages.{N}.layers.{M}.layer.{K}.convolution.weight -> layer{N+1}.{M}.conv{K+1}.weight, 48",
  );
  const convnext = await parametersOf("convnext_tiny");
  const { templates } = findMapping(convnext, foreign(convnext, torchvisionConvnext));
  expect(templates.find((t) => t.to.endsWith("conv_dw.weight"))).toMatchObject({
    from: "features.{N}.{M}.block.0.weight",
    to: "stages.{N'}.blocks.{M}.conv_dw.weight",
    numbers: "N 1,3,5,7 to N' 0,1,2,3",
  });
  const flax = findMapping(vit, foreign(vit, flaxVit)).templates.find((t) => t.to === "head.weight");
  expect(flax).toMatchObject({ from: "head/kernel", relation: "transposed", confidence: "high" });
});

test("a deeper file gives the layers that the model has", async () => {
  const parameters = await parametersOf("vit_tiny_patch16_224", { depth: 3 });
  const file = foreign(await parametersOf("vit_tiny_patch16_224", { depth: 5 }), transformersVit);
  expect(expectTrue(findMapping(parameters, file), file).size).toBe(parameters.length);
});

test("what shapes and words do not tell apart is ambiguous, and nothing is chosen", async () => {
  const parameters = await parametersOf("vit_tiny_patch16_224");
  const file = foreign(parameters, (name, shape) =>
    transformersVit(name, shape).map((e) => ({
      ...e,
      name: e.name.replace("layernorm_before", "alpha").replace("layernorm_after", "omega"),
    })),
  );
  const mapping = findMapping(parameters, file);
  const found = expectTrue(mapping, file);
  expect([...found].some((name) => /norm[12]/.test(name))).toBe(false);
  expect(mapping.ambiguous.map((a) => a.to)).toEqual(["blocks.{0..11}.norm1.weight", "blocks.{0..11}.norm2.weight"]);
  expect(mapping.ambiguous[0]?.from).toEqual([
    "tower.encoder.layer.{0..11}.alpha.weight",
    "tower.encoder.layer.{0..11}.omega.weight",
  ]);
});

test("another network has nothing to give", async () => {
  const vit = await parametersOf("vit_tiny_patch16_224");
  for (const other of ["resnet50", "convnext_tiny"])
    expect(findMapping(vit, await parametersOf(other)).templates).toEqual([]);
});

test("words that mean nothing never lead to a false pair of high confidence", async () => {
  const models = ["vit_tiny_patch16_224", "resnet18", "convnext_tiny"];
  const all = await Promise.all(models.map((model) => parametersOf(model)));
  const words = [...new Set(all.flat().flatMap((p) => p.name.match(/[a-z]+/g) ?? []))];
  const kept = new Set(["weight", "bias", "running", "mean", "var"]);
  const word = fc.stringMatching(/^[g-z]{4,7}$/);
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      fc.uniqueArray(word, { minLength: words.length, maxLength: words.length }),
      (parameters, nonsense) => {
        const spoken = new Map(words.map((w, i) => [w, kept.has(w) ? w : (nonsense[i] ?? w)]));
        const file = foreign(parameters, (name, shape) =>
          only(
            name.replaceAll(/[a-z]+/g, (w) => spoken.get(w) ?? w),
            shape,
          ),
        );
        const { templates } = findMapping(parameters, file);
        const truths = new Map(file.map((e) => [e.name, e.truth]));
        const sure = templates.filter((t) => t.confidence === "high").flatMap((t) => t.pairs);
        return sure.every(({ from: [key = ""], to }) => truths.get(key) === to[0]);
      },
    ),
    { numRuns: 30 },
  );
});

test("names without end are passed over, and counted", async () => {
  const parameters = await parametersOf("vit_tiny_patch16_224");
  const hostile = [
    ...Array.from({ length: 20_000 }, (_, i) => ({ name: `a${i}.${i % 7}.${i % 11}.${i % 13}.weight`, shape: [192] })),
    { name: "b".repeat(1_000_000), shape: [192] },
  ];
  const { passedOver, templates } = findMapping(parameters, hostile);
  expect(passedOver).toBeGreaterThan(15_000);
  expect(templates.filter((t) => t.confidence === "high")).toEqual([]);
});
