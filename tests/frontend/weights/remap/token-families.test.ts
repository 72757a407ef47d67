import { describe, expect, test } from "vitest";
import {
  type Network,
  type Plain,
  entry,
  expectSameNetwork,
  missing,
  network,
  parts,
  remapped,
  renamed,
  reshaped,
  skeleton,
} from "./network.ts";

/** Families of tokens of one width, or of few: ResMLP, CaiT, CrossViT, PiT, XCiT, CoaT, TNT. */

const some: Plain = { shape: [2], values: Float32Array.of(1, 2) };

describe("Facebook's ResMLP", () => {
  const facebook = (net: Network): Map<string, Plain> => {
    const file = renamed(net.file, (name) =>
      name
        .replace(/^stem\./, "patch_embed.")
        .replace("linear_tokens.", "attn.")
        .replace("mlp_channels.", "mlp.")
        .replace(/\.ls([12])$/, ".gamma_$1"),
    );
    for (const [name, plain] of file)
      if (/\.(?:alpha|beta)$/.test(name)) file.set(name, reshaped(plain, plain.shape.slice(2)));
    return file;
  };

  test("has names of a vision transformer and affine layers of one axis", async () => {
    const net = await skeleton("resmlp_12_224");
    expectSameNetwork(net, facebook(net), "Facebook ResMLP");
  });

  test("without the numbers of a block lacks them under timm's names", async () => {
    const net = await skeleton("resmlp_12_224");
    const file = facebook(net);
    file.delete("blocks.3.attn.weight");
    file.delete("blocks.4.gamma_2");
    expect(missing(net, file)).toEqual(["blocks.3.linear_tokens.weight", "blocks.4.ls2"]);
  });
});

test("CaiT's wrapper may stand within a name", async () => {
  const net = await network("cait_xxs24_224", {
    depth: 1,
    depth_token_only: 1,
    embed_dim: 8,
    num_heads: 2,
    img_size: 32,
    num_classes: 3,
  });
  const wrapped = renamed(net.file, (name) => `module.${name.replace(/^(blocks\w*)\./, "$1.module.")}`);
  expectSameNetwork(net, wrapped, undefined);
});

test("CrossViT's tokens and positions are lists", async () => {
  const net = await skeleton("crossvit_9_240");
  const file = renamed(net.file, (name) => name.replace(/^(cls_token|pos_embed)_(\d)$/, "$1.$2"));
  expect([...file.keys()].filter((name) => /^(?:cls|pos)/.test(name))).toEqual([
    "cls_token.0",
    "pos_embed.0",
    "cls_token.1",
    "pos_embed.1",
  ]);
  expectSameNetwork(net, file, undefined);
});

test("PiT's pools stand beside its transformers", async () => {
  const args = { depth: [1, 1, 1], heads: [1, 2, 2], base_dims: [8, 8, 8], img_size: 64, num_classes: 3 };
  const net = await network("pit_ti_distilled_224", args);
  const file = renamed(net.file, (name) =>
    name.replace(/^transformers\.(\d)\.pool\./, (_, stage: string) => `pools.${Number(stage) - 1}.`),
  );
  expect(file.has("pools.1.fc.weight")).toBe(true);
  expectSameNetwork(net, file, undefined);
});

describe("Facebook's XCiT", () => {
  const args = { depth: 1, cls_attn_layers: 2, embed_dim: 16, num_heads: 2, num_classes: 3 };

  /** One layer for queries, keys and values of the class token. */
  const facebook = (net: Network): Map<string, Plain> => {
    const file = new Map<string, Plain>();
    for (const [name, plain] of net.file) {
      const [, block, part, kind] = /^(cls_attn_blocks\.\d\.attn)\.([qkv])\.(\w+)$/.exec(name) ?? [];
      if (part === undefined) file.set(name.replace(/^pos_embed\./, "pos_embeder."), plain);
      else if (part === "q") {
        const all = ["q", "k", "v"].map((x) => entry(net.file, `${block}.${x}.${kind}`));
        file.set(`${block}.qkv.${kind}`, {
          shape: [48, ...plain.shape.slice(1)],
          values: Float32Array.from(all.flatMap(({ values }) => [...values])),
        });
      }
    }
    return file;
  };

  test("has one layer of queries, keys and values of the class token", async () => {
    const net = await network("xcit_nano_12_p16_224", args);
    const file = facebook(net);
    const [q] = parts(entry(file, "cls_attn_blocks.1.attn.qkv.bias"), 3);
    expect(q?.values).toEqual(entry(net.file, "cls_attn_blocks.1.attn.q.bias").values);
    expect(expectSameNetwork(net, file, undefined).dropped).toEqual([]);
  });

  test("loses its positions where the model has none", async () => {
    const net = await network("xcit_nano_12_p16_224", { ...args, use_pos_embed: false });
    const { file } = await network("xcit_nano_12_p16_224", args);
    const { dropped } = expectSameNetwork(net, facebook({ ...net, file }), undefined);
    expect(dropped.map(({ from: [key] }) => key)).toEqual([
      "pos_embeder.token_projection.weight",
      "pos_embeder.token_projection.bias",
    ]);
  });
});

describe("CoaT", () => {
  test("has norms of its detection model beside", async () => {
    const net = await skeleton("coat_tiny");
    const file = new Map(net.file).set("norm1.weight", some).set("norm1.bias", some);
    const { dropped } = expectSameNetwork(net, file, undefined);
    expect(dropped.map(({ from: [key] }) => key)).toEqual(["norm1.weight", "norm1.bias"]);
  });

  test("without parallel blocks has no norms of the inner stages, and no aggregation", async () => {
    const args = { embed_dims: [8, 8, 16, 16], serial_depths: [1, 1, 1, 1] };
    const net = await network("coat_lite_tiny", { ...args, num_classes: 0 });
    const full = await network("coat_lite_tiny", { ...args, num_classes: 3 });
    const others = ["norm2.weight", "norm3.bias", "aggregate.weight", "aggregate.bias"];
    const file = new Map([...full.file, ...others.map((name) => [name, some] as const)]);
    const { dropped } = expectSameNetwork(net, file, undefined);
    expect(dropped.map(({ from: [key = ""] }) => key).sort()).toEqual([...others, "head.weight", "head.bias"].sort());
  });
});

describe("Huawei's TNT", () => {
  const small = { depth: 2, embed_dim: 12, num_heads_outer: 2, inner_dim: 8, num_heads_inner: 2, num_classes: 3 };
  const there = (name: string): string =>
    name
      .replace("norm_mlp_in", "inner_norm2")
      .replace("norm_in", "inner_norm1")
      .replace("attn_in", "inner_attn")
      .replace("mlp_in", "inner_mlp")
      .replace("norm_out", "outer_norm1")
      .replace("attn_out", "outer_attn")
      .replace("norm_mlp", "outer_norm2")
      .replace(/\.mlp\./, ".outer_mlp.")
      .replace(/norm([12])_proj/, "proj_norm$1")
      .replace("pixel_embed", "patch_embed")
      .replace("patch_pos", "outer_pos")
      .replace("pixel_pos", "inner_pos");

  /** [1, C, H, W] as tokens [1, H W, C]. */
  const asTokens = ({ shape: [, c = 1, h = 1, w = 1], values }: Plain): Plain => ({
    shape: [1, h * w, c],
    values: values.map((_, i) => values[(i % c) * h * w + Math.floor(i / c)] ?? 0),
  });

  test("says inner and outer for pixels and patches", async () => {
    const net = await network("tnt_s_patch16_224", { ...small, img_size: 32 });
    const file = renamed(net.file, there);
    file.set("inner_pos", asTokens(entry(net.file, "pixel_pos"))).set("outer_tokens", some);
    const { dropped } = expectSameNetwork(net, file, "Huawei TNT");
    expect(dropped).toEqual([{ from: ["outer_tokens"], what: "tokens that no layer reads" }]);
  });

  test("is resampled to another size", async () => {
    const net = await network("tnt_s_patch16_224", { ...small, img_size: 64 });
    const { file } = await network("tnt_s_patch16_224", { ...small, img_size: 32 });
    const { source, entries } = remapped(net, renamed(file, there));
    expect(source.get("patch_pos")?.shape).toEqual([1, 17, 12]);
    expect(entries.find(({ name }) => name === "patch_pos")?.resized).toMatchObject({ what: "positions" });
  });
});
