import { describe, expect, test } from "vitest";
import { remapWeights, targetOf } from "../../../../src/frontend/weights/remap/remap.ts";
import { remap as mvitRemap } from "../../../../src/zoo/mvitv2/remap.ts";
import {
  type Network,
  type Plain,
  type PlainFile,
  entry,
  expectSameNetwork,
  missing,
  network,
  remapped,
  renamed,
  reshaped,
  skeleton,
  sourceOf,
} from "./network.ts";

/** Families of stages: Swin V2 of Reich, FocalNet, MaxViT, MViTv2, MetaFormers, Next-ViT, DLA, Florence-2. */

const some: Plain = { shape: [2], values: Float32Array.of(1, 2) };

/** 1x1 convolutions as linear layers have them. */
const flattened = (file: PlainFile, which: RegExp): Map<string, Plain> =>
  new Map(
    [...file].map(([name, plain]) => {
      const [out = 1, inputs = 1, h, w] = plain.shape;
      return [name, which.test(name) && h === 1 && w === 1 ? reshaped(plain, [out, inputs]) : plain];
    }),
  );

describe("Swin V2 of Reich", () => {
  const small = { depths: [1, 1, 1, 1], embed_dim: 8, num_heads: [1, 2, 2, 4], num_classes: 3 };

  test("has one over the scale of the scores", async () => {
    const net = await network("swinv2_cr_tiny_224", small);
    const scales = /logit_scale$/;
    const tau = (plain: Plain): Plain => ({ ...plain, values: plain.values.map((x) => Math.exp(-x)) });
    const back = (plain: Plain): Plain => ({ ...plain, values: tau(plain).values.map((x) => -Math.log(x)) });
    const file = new Map(
      [...net.file].map(([name, plain]) => [
        name.replace(scales, "tau").replace("head.fc.", "head."),
        scales.test(name) ? tau(plain) : plain,
      ]),
    );
    const rounded = new Map([...net.file].map(([name, p]) => [name, scales.test(name) ? back(p) : p] as const));
    const { entries } = expectSameNetwork({ ...net, file: rounded }, file, "Swin V2 of Reich");
    const scale = entries.find(({ name }) => name === "stages.1.blocks.0.attn.logit_scale");
    expect(scale?.from).toEqual(["stages.1.blocks.0.attn.tau"]);
  });

  test("without a classifier is told by its scales alone, and of timm's own names nothing changes", async () => {
    const net = await network("swinv2_cr_tiny_224", { ...small, num_classes: 0 });
    expect(expectSameNetwork(net, net.file, undefined).dropped).toEqual([]);
    const file = renamed(net.file, (name) => name.replace("logit_scale", "tau"));
    expect(remapped(net, file).layout?.name).toBe("Swin V2 of Reich");
  });
});

describe("Microsoft's FocalNet", () => {
  const microsoft = (net: Network): Map<string, Plain> =>
    flattened(
      renamed(net.file, (name) =>
        name
          .replace(/\.ls([12])\.gamma$/, ".gamma_$1")
          .replace(/^stem\./, "patch_embed.")
          .replace(/^layers\.(\d)\.downsample/, (_, stage: string) => `layers.${Number(stage) - 1}.downsample`)
          .replace("modulation.norm.", "modulation.ln.")
          .replace("_post.", ".")
          .replace("head.fc.", "head."),
      ),
      /\.(?:f|fc1|fc2)\.weight$/,
    );

  // Norms before the branches; after them, with LayerScale; after them and within the modulation.
  test.each(["focalnet_tiny_srf", "focalnet_large_fl3", "focalnet_huge_fl3"])("%s", async (model) => {
    const net = await skeleton(model);
    const file = microsoft(net);
    expect([...file.keys()].filter((name) => /_post|\.ls\d|^stem|head\.fc/.test(name))).toEqual([]);
    expectSameNetwork(net, file, "Microsoft FocalNet");
  });

  test("of norms behind the branches is none with norms before", async () => {
    const [before, after] = [await skeleton("focalnet_small_srf"), await skeleton("focalnet_large_fl3")];
    const lacking = missing(after, microsoft(before));
    expect(lacking).toContain("layers.0.blocks.0.ls1.gamma");
    expect(lacking).not.toContain("layers.0.blocks.0.norm1_post.weight");
  });
});

describe("MaxViT", () => {
  const small = { depths: [1, 1, 1, 1], embed_dim: [32, 32, 32, 32], num_classes: 3 };

  test("has linear layers as 1x1 convolutions, and the other way round", async () => {
    const net = await network("maxvit_tiny_tf_224", small);
    const convolutions = flattened(net.file, /shortcut\.expand\.weight$|conv(?:1_1x1|3_1x1)\.weight$/);
    const file = new Map(
      [...convolutions].map(([name, plain]) => [
        name,
        /attn\.(?:qkv|proj)\.weight$/.test(name) ? reshaped(plain, [...plain.shape, 1, 1]) : plain,
      ]),
    );
    const { entries } = expectSameNetwork(net, file, undefined);
    expect(entries.filter(({ steps }) => steps.includes("reshape")).length).toBeGreaterThan(8);
  });

  test("and CoAtNet take tables of other windows", async () => {
    const nets = await Promise.all([
      network("coatnet_0_224", { ...small, img_size: 64 }),
      network("coatnet_0_224", { ...small, img_size: 128 }),
    ]);
    const [net, other] = nets;
    const { source, entries } = remapped(net, other.file);
    const resized = entries.filter((e) => e.resized !== undefined);
    expect(resized.map(({ name }) => name)).toEqual(
      [...net.file.keys()].filter((name) => name.endsWith("relative_position_bias_table")),
    );
    for (const { name } of resized) expect(source.get(name)?.shape).toEqual(entry(net.file, name).shape);
  });
});

describe("Facebook's MViTv2", () => {
  const firsts = [0, 1, 3, 8];
  const facebook = (name: string): string =>
    name
      .replace(
        /^stages\.(\d)\.blocks\.(\d+)/,
        (_, s: string, b: string) => `blocks.${(firsts[Number(s)] ?? 0) + Number(b)}`,
      )
      .replace(/\.shortcut_proj_attn\./, ".proj.")
      .replace(/^head\.fc\./, "head.projection.");

  test("numbers its blocks through", async () => {
    const net = await skeleton("mvitv2_tiny");
    const file = renamed(net.file, facebook);
    expect(file.has("blocks.9.attn.qkv.weight")).toBe(true);
    expectSameNetwork(net, file, "Facebook MViTv2");
    expect(
      missing(
        net,
        renamed(file, (name) => (name === "blocks.3.proj.weight" ? undefined : name)),
      ),
    ).toEqual(["stages.2.blocks.0.shortcut_proj_attn.weight"]);
  });

  test("projects its shortcuts before the MLP where attention does not widen; blocks past the last stay", () => {
    const file = ["blocks.0.norm1.weight", "blocks.2.proj.weight", "blocks.5.proj.bias", "head.projection.bias"];
    const source = sourceOf(new Map(file.map((name) => [name, some])));
    expect([...remapWeights(source, mvitRemap([1, 2], false), targetOf([])).source.keys()]).toEqual([
      "stages.0.blocks.0.norm1.weight",
      "stages.1.blocks.1.shortcut_proj_mlp.weight",
      "blocks.5.proj.bias",
      "head.fc.bias",
    ]);
  });

  test("is resampled to another size, row by row", async () => {
    const [net, other] = await Promise.all([
      network("mvitv2_tiny", { img_size: 64 }),
      network("mvitv2_tiny", { img_size: 128 }),
    ]);
    const name = "stages.3.blocks.0.attn.rel_pos_h";
    const [to = 0, from = 0] = [entry(net.file, name).shape[0], entry(other.file, name).shape[0]];
    expect(to).toBeLessThan(from);
    const data = remapped(net, other.file).source.get(name);
    expect(data?.shape).toEqual(entry(net.file, name).shape);
    // Half-pixel centres: row o of `to` lies at (o + 1/2) from / to - 1/2.
    const [at, width] = [(0.5 * from) / to - 0.5, entry(net.file, name).shape[1] ?? 1];
    const low = Math.max(Math.floor(at), 0);
    const share = Math.max(at, 0) - low;
    const { values } = entry(other.file, name);
    const found = new Float32Array(data?.read().buffer ?? new ArrayBuffer(0));
    for (const c of [0, 1, width - 1])
      expect(found[c]).toBeCloseTo(
        (1 - share) * (values[low * width + c] ?? 0) + share * (values[(low + 1) * width + c] ?? 0),
        5,
      );
  });
});

describe("Sea AI Lab's MetaFormers", () => {
  test("PoolFormers list stages and reductions together", async () => {
    const net = await skeleton("poolformer_s12");
    const file = renamed(net.file, (name) =>
      name
        .replace(/^stem\.conv\./, "patch_embed.proj.")
        .replace(/^stages\.(\d)\.downsample\.conv\./, (_, stage: string) => `network.${2 * Number(stage) - 1}.proj.`)
        .replace(/^stages\.(\d)\.blocks\./, (_, stage: string) => `network.${2 * Number(stage)}.`)
        .replace(/layer_scale([12])\.scale$/, "layer_scale_$1")
        .replace(/^head\.norm\./, "norm.")
        .replace(/^head\.fc\./, "head."),
    );
    expect(file.has("network.6.1.layer_scale_2")).toBe(true);
    expectSameNetwork(net, file, "PoolFormer of its authors");
  });

  // Pooling, convolutions with attention and a hidden layer before the classifier, convolutions alone.
  test.each(["poolformerv2_s12", "caformer_s18", "convformer_s18"])("%s", async (model) => {
    const net = await skeleton(model);
    const file = renamed(net.file, (name) =>
      name
        .replace(/^stem\.conv\./, "downsample_layers.0.conv.")
        .replace(/^stem\.norm\./, "downsample_layers.0.post_norm.")
        .replace(/^stages\.(\d)\.downsample\.conv\./, "downsample_layers.$1.conv.")
        .replace(/^stages\.(\d)\.downsample\.norm\./, "downsample_layers.$1.pre_norm.")
        .replace(/^stages\.(\d)\.blocks\./, "stages.$1.")
        .replace(/^head\.norm\./, "norm.")
        .replace(/^head\.fc\./, "head."),
    );
    const linear = flattened(file, /^stages\..*mlp\.fc\d\.weight$/);
    expectSameNetwork(net, linear, "MetaFormer baselines of their authors");
    expect(
      missing(
        net,
        renamed(linear, (name) => (name === "downsample_layers.2.conv.bias" ? undefined : name)),
      ),
    ).toEqual(["stages.2.downsample.conv.bias"]);
  });
});

describe("ByteDance's Next-ViT", () => {
  const starts = [0, 3, 7, 17];
  const byteDance = (name: string): string =>
    name
      .replace(
        /^stages\.(\d)\.blocks\.(\d+)\./,
        (_, s: string, b: string) => `features.${(starts[Number(s)] ?? 0) + Number(b)}.`,
      )
      .replace(/\.mlp\.fc([12])\./, ".mlp.conv$1.")
      .replace(/^head\.fc\./, "proj_head.0.");

  test("numbers its blocks through", async () => {
    const net = await skeleton("nextvit_small");
    const file = renamed(net.file, byteDance);
    expect(file.has("features.19.e_mhsa.q.weight")).toBe(true);
    expectSameNetwork(net, file, "ByteDance Next-ViT");
    // By name: the order of a file says nothing.
    expectSameNetwork(net, new Map([...file].toReversed()), "ByteDance Next-ViT");
  });

  test("of another depth does not fit", async () => {
    const [net, deeper] = [await skeleton("nextvit_small"), await skeleton("nextvit_base")];
    const lacking = missing(deeper, renamed(net.file, byteDance));
    expect(lacking).toContain("stages.3.blocks.2.mlp.fc1.weight");
  });
});

test("DLA's authors have projections that no layer reads", async () => {
  const net = await network("dla34", { levels: [1, 1, 1, 3, 2, 1], channels: [8, 8, 8, 16, 24, 32], num_classes: 3 });
  const unread = ["level3.project", "level3.tree1.project", "level4.project"].flatMap((place) => [
    `${place}.0.weight`,
    `${place}.1.running_mean`,
  ]);
  const file = new Map([...net.file, ...unread.map((name) => [name, some] as const)]);
  const { dropped } = expectSameNetwork(net, file, undefined);
  expect(dropped.map(({ from: [key] }) => key)).toEqual(unread);
  // Those that are read, and names that no tree has, stay.
  for (const name of ["level2.project.0.weight", "level4.tree1.project.0.weight", "level1.project.0.weight"]) {
    const { source } = remapped(net, new Map(net.file).set(name, some));
    expect([...source.keys()]).toContain(name);
  }
});

describe("Florence-2", () => {
  const small = { depths: [1, 1, 1, 1], embed_dims: [8, 8, 16, 16], num_heads: [1, 2, 2, 2], num_classes: 0 };
  const florence = (net: Network): Map<string, Plain> => {
    const file = renamed(net.file, (name) => {
      if (name.startsWith("head.")) return undefined;
      const inner = name
        .replace(/^stem\.conv\./, "convs.0.proj.")
        .replace(/^stem\.norm\./, "convs.0.norm.")
        .replace(/^stages\.(\d)\.downsample\.conv\./, "convs.$1.proj.")
        .replace(/^stages\.(\d)\.downsample\.norm\./, "convs.$1.norm.")
        .replace(/^stages\.(\d)\.blocks\./, "blocks.$1.")
        .replace(/cpe([12])\.proj\./, "conv$1.fn.dw.")
        .replace(/(spatial|channel)_block\.norm1\./, (_, kind: string) => `${kind}_block.${attentionOf(kind)}.norm.`)
        .replace(/(spatial|channel)_block\.attn\./, (_, kind: string) => `${kind}_block.${attentionOf(kind)}.fn.`)
        .replace(/\.norm2\./, ".ffn.norm.")
        .replace(/\.mlp\./, ".ffn.fn.net.");
      return `vision_tower.${inner}`;
    });
    return file.set("language_model.model.shared.weight", some).set("image_projection", some);
  };
  const attentionOf = (kind: string): string => (kind === "spatial" ? "window_attn" : "channel_attn");

  test("has no norm in the head: timm's own tag leaves it as it is made", async () => {
    const net = { ...(await network("davit_base_fl", small)), tag: "msft_florence2" };
    const ones = { shape: [16], values: new Float32Array(16).fill(1) };
    const made = new Map(net.file)
      .set("head.norm.weight", ones)
      .set("head.norm.bias", { shape: [16], values: new Float32Array(16) });
    const { dropped, withheld } = expectSameNetwork({ ...net, file: made }, florence(net), "Florence-2");
    expect(dropped.map(({ what }) => what)).toEqual(["not under vision_tower.", "not under vision_tower."]);
    expect(withheld).toEqual([]);
  });

  test("of a user leaves the norm without values", async () => {
    const net = await network("davit_base_fl", small);
    expect(remapped(net, florence(net)).withheld.map(({ name }) => name)).toEqual([
      "head.norm.weight",
      "head.norm.bias",
    ]);
    const file = florence(net);
    file.delete("vision_tower.blocks.2.0.channel_block.ffn.norm.bias");
    expect(missing(net, file)).toContain("stages.2.blocks.0.channel_block.norm2.bias");
  });
});
