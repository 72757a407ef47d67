import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile, doctor } from "../../src/index.ts";
import { parametersOf, publishedVit } from "../frontend/weights/diagnose/foreign.ts";
import { encodeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

type Args = Readonly<Record<string, unknown>>;
type Shape = readonly number[];
interface Plain {
  readonly name: string;
  readonly shape: Shape;
}

const vit = "vit_tiny_patch16_224";
const small = { depth: 2, embed_dim: 48, num_heads: 3, img_size: 32 };

/** A file of f16 zeros. */
function fileOf(label: string, entries: readonly Plain[]): { readonly file: string } {
  const stored = entries.map(({ name, shape }) => {
    return { name, shape, dtype: "f16" as const, bytes: new Uint8Array(2 * shape.reduce((n, d) => n * d, 1)) };
  });
  writeFileSync(at(label), encodeSafetensors(stored));
  return { file: at(label) };
}

const extra: Plain = { name: "extra.weight", shape: [3] };

test("entries of deeper blocks are refused, and the diagnosis agrees", async () => {
  const weights = fileOf("deep.safetensors", await parametersOf(vit, { ...small, depth: 3 }));
  const request = { model: vit, args: small, weights };
  expect(await refusal(compile({ ...request, out: at("deep") }))).toMatch(
    /deep\.safetensors: the file holds 12 entries that the model does not have, such as blocks\.2\..*timmc doctor MODEL/s,
  );
  const { verdict, summary, unused, advice } = await doctor(request);
  expect({ verdict, summary, unused: unused.length }).toEqual({
    verdict: "fails",
    summary: "does not load: 12 entries of the file have no place in the model",
    unused: 12,
  });
  expect(advice[0]).toContain("the file is of more than this model");
});

test("scales of layers are not left out", async () => {
  const parameters = await parametersOf(vit, { ...small, init_values: 1e-5 });
  const weights = fileOf("scaled.safetensors", parameters);
  expect(await refusal(compile({ model: vit, args: small, weights, out: at("scaled") }))).toMatch(
    /4 entries that the model does not have, such as blocks\.0\.ls1\.gamma/,
  );
});

test("where the classifier is left out timm is not strict: left-over entries are named in a notice", async () => {
  const parameters = await parametersOf("test_resnet", { num_classes: 7 });
  const weights = fileOf("lenient.safetensors", [...parameters, extra]);
  const request = { model: "test_resnet", weights, inputSize: [3, 64, 64] as const };
  const { notices } = await compile({ ...request, args: { features_only: true }, out: at("lenient") });
  expect(notices.join("\n")).toContain("holds 1 entry that the model does not read, such as extra.weight");
  expect((await doctor({ ...request, args: { features_only: true } })).verdict).toBe("partly");
  expect(await refusal(compile({ ...request, args: { num_classes: 7 }, out: at("strict") }))).toMatch(
    /holds 1 entry that the model does not have, such as extra\.weight/,
  );
});

test.each<readonly [string, string, Args, Args]>([
  ["four channels", vit, { ...small, in_chans: 4 }, small],
  ["four channels, asked for one", vit, { ...small, in_chans: 4 }, { ...small, in_chans: 1 }],
  ["six channels, asked for four", vit, { ...small, in_chans: 6 }, { ...small, in_chans: 4 }],
  ["five classes", vit, { ...small, num_classes: 5 }, small],
  ["four channels and five classes", vit, { ...small, in_chans: 4, num_classes: 5 }, small],
])("%s: following the advice of doctor ends in `loads`", async (label, model, written, asked) => {
  const weights = fileOf(`${label}.safetensors`, await parametersOf(model, written));
  let args: Args = asked;
  for (let round = 0; round < 3; round++) {
    const { verdict, advice } = await doctor({ model, args, weights });
    if (verdict === "loads") break;
    const given = [...advice.join(" ").matchAll(/--arg (\w+)=(\d+)/g)];
    expect(given, advice.join("\n")).not.toEqual([]);
    args = { ...args, ...Object.fromEntries(given.map(([, key = "", value]) => [key, Number(value)])) };
  }
  expect((await doctor({ model, args, weights })).verdict).toBe("loads");
  expect(args).toEqual({ ...asked, ...written });
  const { notices } = await compile({ model, args, weights, out: at(`${label}.artifact`) });
  expect(notices).toEqual([]);
});

test("the refusal of an output says what to ask for by the cause", async () => {
  const six = fileOf("six.safetensors", await parametersOf(vit, { ...small, in_chans: 6 }));
  const request = { model: vit, args: { ...small, in_chans: 4 }, weights: six };
  expect(await refusal(compile({ ...request, out: at("six") }))).toMatch(
    /needs patch_embed\.proj\.weight: its 6 input channels cannot be adapted to 4.*Ask for the file's own with --arg in_chans=6/s,
  );
  const five = fileOf("five.safetensors", await parametersOf(vit, { ...small, num_classes: 5 }));
  expect(await refusal(compile({ model: vit, args: small, weights: five, out: at("five") }))).toMatch(
    /needs head\.weight: the checkpoint's classifier has 5 classes.*--arg num_classes=5/s,
  );
  const parameters = await parametersOf(vit, small);
  const none = fileOf(
    "none.safetensors",
    parameters.filter(({ name }) => !name.startsWith("head.")),
  );
  const headless = { model: vit, weights: none, out: at("none") };
  expect(await refusal(compile({ ...headless, args: { ...small, num_classes: 9 } }))).toMatch(
    /needs head\.weight: the file has no classifier/,
  );
});

test("a file of the whole model but for its classifier loads without it", async () => {
  const parameters = await parametersOf(vit, small);
  const [body, bias] = [
    parameters.filter(({ name }) => !name.startsWith("head.")),
    parameters.filter(({ name }) => name !== "head.weight"),
  ];
  const weights = fileOf("body.safetensors", body);
  const request = { model: vit, args: small, weights };
  const { verdict, advice, taps } = await doctor(request);
  expect(verdict).toBe("partly");
  expect(advice).toEqual(["With --arg num_classes=0 the model has no head.weight, as the file."]);
  expect(taps.filter((t) => t.needs !== null)).toEqual([{ name: "logits", needs: "head.weight" }]);
  await compile({ ...request, taps: ["forward_features", "pre_logits"], out: at("body") });
  await compile({ ...request, args: { ...small, num_classes: 0 }, out: at("body-0") });
  expect(await refusal(compile({ ...request, out: at("logits") }))).toMatch(
    /needs head\.weight: the file has no classifier.*--arg num_classes=0/s,
  );
  const half = { ...request, weights: fileOf("half.safetensors", bias) };
  expect(await refusal(compile({ ...half, out: at("half") }))).toMatch(/missing: head\.weight/);
  const less = fileOf("less.safetensors", body.slice(1));
  const lessRequest = { ...request, weights: less, taps: ["forward_features"], out: at("less") };
  expect(await refusal(compile(lessRequest))).toMatch(/missing: head\.weight.*doctor MODEL --weights FILE/s);
});

test("a transposed classifier is no other number of classes", async () => {
  const parameters = await parametersOf(vit, { ...small, num_classes: 10 });
  const turned = (name: string, shape: Shape): Shape => (name === "head.weight" ? shape.toReversed() : shape);
  for (const [label, entries] of [
    ["turned", parameters],
    ["turned without bias", parameters.filter(({ name }) => name !== "head.bias")],
  ] as const) {
    const weights = fileOf(
      `${label}.safetensors`,
      entries.map(({ name, shape }) => ({ name, shape: turned(name, shape) })),
    );
    expect(await refusal(compile({ model: vit, args: small, weights, out: at(label) }))).toMatch(
      /mismatched: head\.weight: the model has f32\[1000,48\], the weights f16\[48,10\]/,
    );
  }
});

test("a network before fine-tuning gives features, and no output of the head", async () => {
  const args = { depths: [1, 1, 1, 1], dims: [8, 12, 16, 20], num_classes: 0 };
  const model = "convnextv2_atto";
  const parameters = (await parametersOf(model, args)).filter(({ name }) => !name.startsWith("head.norm."));
  const request = { model, args, weights: fileOf("untrained.safetensors", parameters) };
  const { verdict, taps, layout } = await doctor(request);
  expect({ verdict, layout: layout?.name }).toEqual({
    verdict: "partly",
    layout: "timm ConvNeXt V2 before fine-tuning",
  });
  expect(Object.fromEntries(taps.map((t) => [t.name, t.needs]))).toMatchObject({
    logits: expect.stringContaining("head.norm."),
    pre_logits: expect.stringContaining("head.norm."),
    forward_features: null,
    features: null,
  });
  await compile({ ...request, taps: ["features", "forward_features"], out: at("untrained") });
  expect(await refusal(compile({ ...request, taps: ["pre_logits"], out: at("untrained-head") }))).toMatch(
    /needs head\.norm\.\w+: the pretraining of this file has no norm in the head.*--taps features/s,
  );
});

test("first classes are cut off a file only where that gives the model's", async () => {
  const cfg = { label_offset: 1 };
  const adaptation = async (own: number): Promise<string | null | undefined> => {
    const weights = fileOf(`offset-${own}.safetensors`, await parametersOf(vit, { ...small, num_classes: own }));
    const { verdict, parameters } = await doctor({ model: vit, args: { ...small, num_classes: 10 }, cfg, weights });
    expect(verdict).toBe("loads");
    return parameters.find((p) => p.name === "head.bias")?.adaptation;
  };
  expect(await adaptation(10)).toBeNull();
  expect(await adaptation(11)).toBe("without its first row");
});

test("of architectures that differ in the image's size alone, the one is named that resamples nothing", async () => {
  const parameters = await parametersOf("vit_tiny_patch16_384");
  const weights = fileOf(
    "384.safetensors",
    parameters.flatMap(({ name, shape }) => publishedVit(name, shape)),
  );
  const { findings } = await doctor({ model: "vit_small_patch32_224", weights });
  expect(findings.siblings?.architectures).toEqual(["vit_tiny_patch16_384"]);
});
