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
} from "./network.ts";

const small = { depth: 1, embed_dim: 8, num_heads: 2, pos_embed_grid_size: 3, patch_size: [4, 2], num_classes: 3 };

/** [O, h w I] as a convolution's [O, I, h, w]. */
function asKernel({ shape: [out = 1, inputs = 1], values }: Plain, [h, w]: readonly [number, number]): Plain {
  const channels = inputs / (h * w);
  const kernel = new Float32Array(values.length);
  values.forEach((value, at) => {
    const [c, place, o] = [at % channels, Math.floor(at / channels) % (h * w), Math.floor(at / inputs)];
    kernel[(o * channels + c) * h * w + place] = value;
  });
  return { shape: [out, channels, h, w], values: kernel };
}

/** The network as timm's plain vision transformer stores it, with `before` rows of positions before the patches'. */
function plainVit(net: Network, before: readonly number[] = []): Map<string, Plain> {
  const file = renamed(net.file, (name) =>
    name.replace(/^embeds\.proj\./, "patch_embed.proj.").replace(/^embeds\./, ""),
  );
  file.set("patch_embed.proj.weight", asKernel(entry(net.file, "embeds.proj.weight"), [4, 2]));
  const { values } = entry(net.file, "embeds.pos_embed");
  return file.set("pos_embed", {
    shape: [1, 9 + before.length / 8, 8],
    values: Float32Array.from([...before, ...values]),
  });
}

/** Rows of eighths, which sums keep exactly. */
const rows = (count: number): number[] => Array.from({ length: 8 * count }, (_, i) => (i % 5) / 8);

const added = (net: Network, name: string, positions: readonly number[]): Plain => {
  const { shape, values } = entry(net.file, name);
  return { shape, values: values.map((x, i) => x + (positions[i] ?? 0)) };
};

describe("a plain vision transformer", () => {
  test.each([
    ["without tokens before the patches", { reg_tokens: 0 }],
    ["with a class token", { reg_tokens: 0, class_token: true }],
    ["with registers", { reg_tokens: 2 }],
    ["with both", { reg_tokens: 2, class_token: true }],
  ] as const)("%s has positions of the patches", async (_, tokens) => {
    const net = await network("naflexvit_base_patch16_gap", { ...small, ...tokens });
    expectSameNetwork(net, plainVit(net), "a plain vision transformer");
  });

  test("with positions of every token has those of the others added to them", async () => {
    const net = await network("naflexvit_base_patch16_gap", { ...small, reg_tokens: 2, class_token: true });
    const before = rows(3);
    const expected = new Map(net.file)
      .set("embeds.cls_token", added(net, "embeds.cls_token", before.slice(0, 8)))
      .set("embeds.reg_token", added(net, "embeds.reg_token", before.slice(8)));
    const { entries } = expectSameNetwork(
      { ...net, file: expected },
      plainVit(net, before),
      "a plain vision transformer",
    );
    expect(entries.find(({ name }) => name === "embeds.cls_token")?.steps).toEqual(["positions as a grid"]);
  });

  test("of another grid, and of a grid that is not square, does not fit", async () => {
    const net = await network("naflexvit_base_patch16_gap", { ...small, reg_tokens: 0 });
    for (const [count, shape] of [
      [16, [1, 4, 4, 8]],
      [10, [1, 10, 8]],
    ] as const) {
      const file = plainVit(net).set("pos_embed", { shape: [1, count, 8], values: new Float32Array(8 * count) });
      expect(remapped(net, file).source.get("embeds.pos_embed")?.shape).toEqual(shape);
    }
  });

  test("without its projection is not recognised, and timm's own names stay", async () => {
    const net = await network("naflexvit_base_patch16_siglip", { ...small, attn_pool_num_heads: 2 });
    expectSameNetwork(net, net.file, undefined);
    const file = plainVit(net);
    file.delete("patch_embed.proj.weight");
    expect(missing(net, file)).toEqual(["embeds.proj.weight", "embeds.proj.bias", "embeds.pos_embed"]);
  });
});

test("FlexiViT's numbers are the same network's", async () => {
  const args = { depth: 2, embed_dim: 8, num_heads: 2, num_classes: 3 };
  const flexible = await network("flexivit_small", { ...args, img_size: 48 });
  const net = await network("naflexvit_base_patch16_siglip", {
    ...args,
    class_token: true,
    global_pool: "token",
    fc_norm: false,
    pos_embed_grid_size: 3,
  });
  const { source } = remapped(net, flexible.file);
  expect([...source.keys()].sort()).toEqual([...net.file.keys()].sort());
  expect(missing(net, flexible.file)).toEqual([]);
});

describe("SigLIP 2 in transformers", () => {
  const args = { ...small, attn_pool_num_heads: 2 };
  const place = "vision_model.";

  const siglip = (net: Network): Map<string, Plain> => {
    const file = renamed(net.file, (name) =>
      /attn\.qkv\.|attn_pool\.(?:q|kv)\./.test(name)
        ? undefined
        : place +
          name
            .replace(/^embeds\.proj\./, "embeddings.patch_embedding.")
            .replace(/^embeds\.pos_embed$/, "embeddings.position_embedding.weight")
            .replace(/^blocks\.(\d+)\.norm([12])\./, "encoder.layers.$1.layer_norm$2.")
            .replace(/^blocks\.(\d+)\.attn\.proj\./, "encoder.layers.$1.self_attn.out_proj.")
            .replace(/^blocks\./, "encoder.layers.")
            .replace(/^norm\./, "post_layernorm.")
            .replace(/^attn_pool\.latent$/, "head.probe")
            .replace(/^attn_pool\.proj\./, "head.attention.out_proj.")
            .replace(/^attn_pool\.norm\./, "head.layernorm.")
            .replace(/^attn_pool\./, "head."),
    );
    const positions = entry(net.file, "embeds.pos_embed");
    file.set(`${place}embeddings.position_embedding.weight`, reshaped(positions, [9, 8]));
    for (const kind of ["weight", "bias"]) {
      for (const [i, part] of parts(entry(net.file, `blocks.0.attn.qkv.${kind}`), 3).entries())
        file.set(`${place}encoder.layers.0.self_attn.${"qkv"[i]}_proj.${kind}`, part);
      const [q, kv] = ["q", "kv"].map((part) => entry(net.file, `attn_pool.${part}.${kind}`));
      const values = [...(q?.values ?? []), ...(kv?.values ?? [])];
      const shape = [24, ...(q?.shape.slice(1) ?? [])];
      file.set(`${place}head.attention.in_proj_${kind}`, { shape, values: Float32Array.from(values) });
    }
    return file.set("logit_scale", { shape: [1], values: Float32Array.of(1) });
  };

  test("has patches flattened already, and positions in a row", async () => {
    const net = await network("naflexvit_base_patch16_siglip", { ...args, num_classes: 0 });
    const { layout } = expectSameNetwork(net, siglip(net), "Hugging Face SigLIP under vision_model");
    expect(layout?.own).toBe(true);
  });

  test("of one size has kernels instead", async () => {
    const net = await network("naflexvit_base_patch16_siglip", { ...args, num_classes: 0 });
    const name = `${place}embeddings.patch_embedding.weight`;
    const file = siglip(net);
    file.set(name, asKernel(entry(file, name), [4, 2]));
    expectSameNetwork(net, file, "Hugging Face SigLIP under vision_model");
    file.delete(`${place}head.probe`);
    expect(missing(net, file)).toEqual(["attn_pool.latent"]);
  });
});
