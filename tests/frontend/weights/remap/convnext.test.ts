import { describe, expect, test } from "vitest";
import { matchWeights } from "../../../../src/frontend/weights/check.ts";
import { type Network, type Plain, expectSameNetwork, network, remapped, renamed, reshaped } from "./network.ts";

const small = { depths: [1, 1, 2, 1], dims: [8, 12, 16, 20], num_classes: 6 };

const rewrite = (
  file: Map<string, Plain>,
  pattern: RegExp,
  shape: (old: readonly number[]) => readonly number[],
): void => {
  for (const [name, plain] of file) if (pattern.test(name)) file.set(name, reshaped(plain, shape(plain.shape)));
};

const missingOf = (net: Network, file: ReadonlyMap<string, Plain>): string[] =>
  matchWeights(remapped(net, file).source, net.parameters).missing.map((m) => m.name);

const without = (file: ReadonlyMap<string, Plain>, ...names: readonly string[]): Map<string, Plain> =>
  new Map([...file].filter(([name]) => !names.includes(name)));

const filled = (size: number, value: number): Plain => ({ shape: [size], values: new Float32Array(size).fill(value) });

const facebook = (name: string): string =>
  name
    .replace(/^stem\./, "downsample_layers.0.")
    .replace(/^stages\.(\d)\.downsample/, "downsample_layers.$1")
    .replace(".blocks", "")
    .replace("conv_dw", "dwconv")
    .replace("mlp.grn.weight", "grn.gamma")
    .replace("mlp.grn.bias", "grn.beta")
    .replace("mlp.fc", "pwconv")
    .replace("head.fc", "head")
    .replace("head.norm", "norm");

/** The file as Facebook's code writes it, whose layers are linear and whose response norms are [1, 1, 1, C]. */
function facebookFile(net: Network): Map<string, Plain> {
  const file = renamed(net.file, facebook);
  rewrite(file, /grn\.(?:gamma|beta)$/, ([n = 0]) => [1, 1, 1, n]);
  rewrite(file, /pwconv\d\.weight$/, ([rows = 0, columns = 0]) => [rows, columns]);
  return file;
}

describe("Facebook's names", () => {
  test("V1, whose linear layers a model of 1x1 convolutions takes too", async () => {
    for (const conv_mlp of [false, true]) {
      const net = await network("convnext_tiny", { ...small, conv_mlp });
      const { entries } = expectSameNetwork(net, facebookFile(net), "Facebook ConvNeXt");
      const layer = entries.find((e) => e.name === "stages.2.blocks.1.mlp.fc2.weight");
      expect(layer?.steps).toEqual(conv_mlp ? ["reshape"] : []);
    }
  });

  test("V2 flattens its response norms; DINOv3's and EUPE's further norms and projectors are left out", async () => {
    const net = await network("convnextv2_atto", small);
    const file = facebookFile(net).set("norms.3.weight", filled(20, 1)).set("projectors.a.weight", filled(2, 1));
    const { dropped } = expectSameNetwork(net, file, "Facebook ConvNeXt");
    expect(dropped.flatMap((d) => d.from)).toEqual(["projectors.a.weight", "norms.3.weight"]);
  });

  test("parts that are not there are missing", async () => {
    const net = await network("convnext_tiny", small);
    const file = facebookFile(net);
    expect(missingOf(net, without(file, "norm.weight", "norm.bias"))).toEqual(["head.norm.weight", "head.norm.bias"]);
    expect(missingOf(net, without(file, "downsample_layers.0.0.weight"))).toEqual(["stem.0.weight"]);
    expect(missingOf(net, without(file, "stages.2.1.gamma"))).toEqual(["stages.2.blocks.1.gamma"]);
  });
});

describe("V2 before fine-tuning has no norm in the head", () => {
  const untrained = (net: Network): Network => ({
    ...net,
    tag: "fcmae",
    file: new Map(net.file).set("head.norm.weight", filled(20, 1)).set("head.norm.bias", filled(20, 0)),
  });
  const norm = ["head.norm.weight", "head.norm.bias"];

  test("with timm's tag the norm is as it is made, for files of either naming", async () => {
    const net = await network("convnextv2_atto.fcmae", { ...small, num_classes: 0 });
    const { entries } = expectSameNetwork(
      untrained(net),
      without(net.file, ...norm),
      "timm ConvNeXt V2 before fine-tuning",
    );
    expect(entries.find((e) => e.name === "stem.0.weight")?.steps).toEqual([]);
    expect(entries.slice(-2).map(({ name, from, steps }) => ({ name, from, steps }))).toEqual([
      { name: "head.norm.weight", from: [], steps: ["not in the file: 1 throughout, as the model makes it"] },
      { name: "head.norm.bias", from: [], steps: ["not in the file: 0 throughout, as the model makes it"] },
    ]);
    const facebooks = without(facebookFile(net), "norm.weight", "norm.bias");
    expectSameNetwork(untrained(net), facebooks, "Facebook ConvNeXt V2 before fine-tuning");
  });

  test("any other such file leaves it without values", async () => {
    const net = await network("convnextv2_atto", { ...small, num_classes: 0 });
    for (const file of [without(net.file, ...norm), without(facebookFile(net), "norm.weight", "norm.bias")]) {
      for (const tag of [undefined, "fcmae_ft_in1k"]) {
        const { withheld, entries } = remapped({ ...net, tag }, file);
        expect(withheld.map((w) => w.name)).toEqual(norm);
        expect(entries.map((e) => e.name).sort()).toEqual([...net.file.keys()].filter((k) => !norm.includes(k)).sort());
      }
    }
  });

  test("a norm that the file has is used", async () => {
    const net = await network("convnextv2_atto.fcmae", { ...small, num_classes: 0 });
    expectSameNetwork(net, net.file, undefined);
  });

  test("V1, half a norm, and a classifier without its norm are not mended", async () => {
    const v1 = await network("convnext_tiny", { ...small, num_classes: 0 });
    expect(missingOf(v1, without(v1.file, ...norm))).toEqual(norm);
    const v2 = await network("convnextv2_atto", { ...small, num_classes: 0 });
    expect(missingOf(v2, without(v2.file, "head.norm.weight"))).toEqual(["head.norm.weight"]);
    expect(missingOf(v2, without(facebookFile(v2), "norm.bias"))).toEqual(["head.norm.bias"]);
    const classified = await network("convnextv2_atto", small);
    expect(missingOf(classified, without(classified.file, ...norm))).toEqual(norm);
    expect(missingOf(classified, without(classified.file, ...norm, "head.fc.weight", "head.fc.bias"))).toEqual([
      ...norm,
      "head.fc.weight",
      "head.fc.bias",
    ]);
  });

  test("a model that norms its maps has no norm in the head", async () => {
    const net = await network("convnextv2_atto", { ...small, num_classes: 0, head_norm_first: true });
    const { source } = remapped(net, without(net.file, "norm_pre.weight", "norm_pre.bias"));
    const { missing, unexpected } = matchWeights(source, net.parameters);
    expect(missing.map((m) => m.name)).toEqual(["norm_pre.weight", "norm_pre.bias"]);
    expect(unexpected).toEqual([]);
  });
});

describe("OpenCLIP around a timm network", () => {
  const layout = "OpenCLIP around a timm network";
  const zeroBias = (net: Network): Network => ({ ...net, file: new Map(net.file).set("head.fc.bias", filled(6, 0)) });
  const openClip = (net: Network, head: (name: string) => string | undefined): Map<string, Plain> =>
    renamed(net.file, (name) => (name === "head.fc.bias" ? undefined : (head(name) ?? `visual.trunk.${name}`))).set(
      "logit_scale",
      filled(1, 4),
    );

  test("with one layer after it", async () => {
    const net = await network("convnext_base.clip_laion2b", small);
    const file = openClip(net, (name) => (name === "head.fc.weight" ? "visual.head.proj.weight" : undefined));
    const { dropped } = expectSameNetwork(zeroBias(net), file, layout);
    expect(dropped).toEqual([{ from: ["logit_scale"], what: "not under visual.trunk." }]);
  });

  test("with two", async () => {
    const net = await network("convnext_large_mlp", { ...small, head_hidden_size: 10 });
    const file = openClip(net, (name) =>
      name.startsWith("head.pre_logits.fc.")
        ? name.replace("head.pre_logits.fc", "visual.head.mlp.fc1")
        : name === "head.fc.weight"
          ? "visual.head.mlp.fc2.weight"
          : undefined,
    );
    expectSameNetwork(zeroBias(net), file, layout);
    expect(missingOf(net, without(file, "visual.head.mlp.fc1.bias"))).toEqual(["head.pre_logits.fc.bias"]);
    expect(missingOf(net, without(file, "visual.head.mlp.fc2.weight"))).toEqual(["head.fc.weight", "head.fc.bias"]);
  });
});

describe("layouts of timmc's own", () => {
  const huggingFace = (prefix: string) => (name: string) =>
    name.startsWith("head.fc.")
      ? name.replace("head.fc", "classifier")
      : `${prefix}${name
          .replace(/^stem\.0/, "embeddings.patch_embeddings")
          .replace(/^stem\.1/, "embeddings.layernorm")
          .replace(/^head\.norm/, "layernorm")
          .replace(/^stages/, "encoder.stages")
          .replace(".blocks.", ".layers.")
          .replace(".downsample.", ".downsampling_layer.")
          .replace(/(layers\.\d+)\.norm/, "$1.layernorm")
          .replace(".conv_dw.", ".dwconv.")
          .replace(".mlp.fc", ".pwconv")
          .replace(".mlp.grn.", ".grn.")
          .replace(/gamma$/, "layer_scale_parameter")}`;

  test.each([
    ["convnext_tiny", "convnext."],
    ["convnextv2_tiny", "convnextv2."],
    ["convnext_tiny", ""],
    ["convnextv2_atto", ""],
  ])("Hugging Face's of %s, with the prefix '%s'", async (model, prefix) => {
    const net = await network(model, small);
    const file = renamed(net.file, huggingFace(prefix));
    rewrite(file, /\.grn\./, ([n = 0]) => [1, 1, 1, n]);
    rewrite(file, /pwconv\d\.weight$/, ([rows = 0, columns = 0]) => [rows, columns]);
    const { layout } = expectSameNetwork(net, file, "Hugging Face ConvNeXt");
    expect(layout?.own).toBe(true);
    expect(missingOf(net, without(file, `${prefix}layernorm.weight`, "classifier.bias"))).toEqual([
      "head.norm.weight",
      "head.fc.bias",
    ]);
  });

  test("Hugging Face's of DINOv3", async () => {
    const net = await network("convnext_tiny.dinov3_lvd1689m", { ...small, num_classes: 0 });
    const file = renamed(net.file, (name) =>
      name
        .replace(/^stem/, "stages.0.downsample_layers")
        .replace(".downsample.", ".downsample_layers.")
        .replace(".blocks.", ".layers.")
        .replace("conv_dw", "depthwise_conv")
        .replace(/(layers\.\d+)\.norm/, "$1.layer_norm")
        .replace("mlp.fc", "pointwise_conv")
        .replace("head.norm", "layer_norm"),
    );
    const { layout } = expectSameNetwork(net, file, "Hugging Face DINOv3 ConvNeXt");
    expect(layout?.own).toBe(true);
    expect(missingOf(net, without(file, "stages.1.downsample_layers.1.bias"))).toEqual(["stages.1.downsample.1.bias"]);
  });

  test("torchvision's, whose layer scales are [C, 1, 1]", async () => {
    const net = await network("convnext_tiny", small);
    const places = { conv_dw: "block.0", norm: "block.2", "mlp.fc1": "block.3", "mlp.fc2": "block.5" };
    const part = (name: string): string =>
      Object.entries(places).reduce((n, [from, to]) => n.replace(`.${from}.`, `.${to}.`), name);
    const file = renamed(net.file, (name) => {
      const [, stage = "", block = ""] = /^stages\.(\d)\.blocks\.(.*)$/.exec(name) ?? [];
      if (block !== "") return `features.${2 * Number(stage) + 1}.${part(block).replace("gamma", "layer_scale")}`;
      return name
        .replace(/^stem/, "features.0")
        .replace(/^stages\.(\d)\.downsample/, (_, i) => `features.${2 * Number(i)}`)
        .replace("head.norm", "classifier.0")
        .replace("head.fc", "classifier.2");
    });
    rewrite(file, /layer_scale$/, ([n = 0]) => [n, 1, 1]);
    const { layout } = expectSameNetwork(net, file, "torchvision ConvNeXt");
    expect(layout?.own).toBe(true);
    expect(missingOf(net, without(file, "features.5.1.layer_scale", "features.4.1.weight"))).toEqual([
      "stages.2.downsample.1.weight",
      "stages.2.blocks.1.gamma",
    ]);
  });
});

test("timm's own names are taken as they are", async () => {
  for (const model of ["convnext_tiny", "convnext_tiny_hnf", "convnextv2_atto"]) {
    const net = await network(model, small);
    const { entries } = expectSameNetwork(net, net.file, undefined);
    expect(entries.every((e) => e.steps.length === 0)).toBe(true);
  }
});
