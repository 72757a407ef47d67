/** MViTv2: Li et al. 2022, "Improved multiscale vision transformers" (arXiv:2112.01526). */
import { addDim, ceilDivDim, isStatic, mulDim, printDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { isSizeSymbolic } from "../any-size.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { decomposedBias, rowsByDistance } from "../layers/decomposed-position.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { maxPool } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { poolTokens } from "../layers/token-head.ts";
import { dropTokens } from "../layers/tokens.ts";
import type { Size } from "../layers/window.ts";
import { type ConfigOf, dropRates, internal, oneOf, optional, pair } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "the image that tables of positions are made for"),
  global_pool: optional(
    oneOf(["", "avg", "token"], "avg", 'pooling of the tokens; timm: "token" where there is a class token, else "avg"'),
  ),
  depths: internal<readonly number[]>([2, 3, 16, 3]),
  embed_dim: internal(96),
  num_heads: internal(1),
  expand_attn: internal(true),
  use_cls_token: internal(false),
};

type MvitConfig = ConfigOf<typeof args>;
type Row = Partial<MvitConfig>;

const norm = layerNorm(1e-6);

/** Keys and values of the first stage are four times coarser; every reduction of the queries takes half of that back. */
const keyStride = (stage: number): number => Math.max(4 / 2 ** stage, 1);

interface Place {
  /** Width that comes in, inside attention, and that goes out. */
  readonly width: readonly [into: number, attention: number, out: number];
  readonly heads: number;
  readonly strides: readonly [query: number, key: number];
  /** Rows and columns that come in: here, and by the constructor's count. */
  readonly size: Size;
  readonly native: number;
  readonly expand: boolean;
  readonly prefix: 0 | 1;
}

/** One part of attention, pooled per head by a strided depthwise convolution; the class token goes along (section 4.1). */
function pooled(s: Scope, x: Value, name: "q" | "k" | "v", stride: number, { size, prefix }: Place): Value {
  const [n = 1, heads = 1, length = 1, dim = 1] = x.type.shape;
  const all = s.reshape(x, { shape: [mulDim(n, heads), length, dim] });
  const map = toMap(s, dropTokens(s, all, prefix), size);
  const small = toTokens(s, s.call(`pool_${name}`, depthwise({ kernel: 3, stride, padding: 1 }), map));
  const joined = prefix === 0 ? small : s.concat([s.slice(all, { axis: 1, range: [0, prefix] }), small], { axis: 1 });
  const [, tokens = 1] = joined.type.shape;
  return s.call(`norm_${name}`, norm, s.reshape(joined, { shape: [n, heads, tokens, dim] }));
}

const reduced = ([h, w]: Size, stride: number): Size => [ceilDivDim(h, stride), ceilDivDim(w, stride)];

/** The decomposed biases of queries [N, heads, prefix + L, D]; the class token has none. */
function positionBias(s: Scope, q: Value, p: Place): Value {
  const [queries, keys] = [reduced(p.size, p.strides[0]), reduced(p.size, p.strides[1])];
  const length = 2 * Math.max(Math.floor(p.native / p.strides[0]), Math.floor(p.native / p.strides[1])) - 1;
  const dim = p.width[1] / p.heads;
  const rows = (name: string, axis: 0 | 1): Value => {
    if (Math.max(...[queries[axis], keys[axis]].filter(isStatic)) * 2 - 1 > length)
      throw new TimmcError(
        "unsupported",
        `the table of ${length} relative positions is too short for ${queries.map(printDim).join("x")} queries`,
        {
          hint: "compile with a larger --arg img_size",
        },
      );
    return rowsByDistance(s, s.param(name, [length, dim]), queries[axis], keys[axis]);
  };
  const [, heads = 1, , d = 1] = q.type.shape;
  const count = mulDim(...queries);
  const spatial = p.prefix === 0 ? q : s.slice(q, { axis: 2, range: [1, addDim(1, count)] });
  const [n = 1] = q.type.shape;
  const grid = s.reshape(spatial, { shape: [n, heads, count, d] });
  const bias = decomposedBias(s, grid, queries, rows("rel_pos_h", 0), rows("rel_pos_w", 1));
  return p.prefix === 0 ? bias : s.pad(bias, { padding: [0, 0, 1, 1, 0, 0, 0, 0] });
}

/** Fig. 2: pooled attention, with the pooled queries added to what comes out. */
const attention =
  (p: Place): Module =>
  (s, x) => {
    const width = p.width[1];
    const packed = split(s, s.call("qkv", linear(3 * width), x), [width, width, width]);
    const byHead = (y: Value): Value => splitHeads(s, y, p.heads);
    const [q, k, v] = [byHead(packed[0]), byHead(packed[1]), byHead(packed[2])];
    const queries = pooled(s, q, "q", p.strides[0], p);
    const keys = pooled(s, k, "k", p.strides[1], p);
    const values = pooled(s, v, "v", p.strides[1], p);
    const scale = (width / p.heads) ** -0.5;
    const mixed = s.attention(queries, keys, values, positionBias(s, queries, p), { scale });
    return s.call("proj", linear(width), mergeHeads(s, s.add(mixed, queries)));
  };

/** What bypasses attention, pooled as the queries are. */
function shortcut(s: Scope, x: Value, { strides: [stride], size, prefix }: Place): Value {
  if (stride === 1) return x;
  const map = toMap(s, dropTokens(s, x, prefix), size);
  const small = toTokens(s, s.call("shortcut_pool_attn", maxPool(stride + 1, { stride, padding: 1 }), map));
  return prefix === 0 ? small : s.concat([s.slice(x, { axis: 1, range: [0, prefix] }), small], { axis: 1 });
}

const block =
  (p: Place): Module =>
  (s, x) => {
    const [into, inner, out] = p.width;
    const project = (name: string, at: boolean): Record<string, Module | undefined> => ({
      [name]: into !== out && at ? linear(out) : undefined,
    });
    const normed = s.call("norm1", norm, x);
    const grows = into !== out && p.expand;
    const kept = grows ? s.chain(normed, project("shortcut_proj_attn", true)) : x;
    const y = s.add(shortcut(s, kept, p), s.call("attn", attention(p), normed));
    const again = s.call("norm2", norm, y);
    const through = into !== out && !p.expand ? s.chain(again, project("shortcut_proj_mlp", true)) : y;
    return s.add(through, s.call("mlp", mlp(4 * inner, {}, out), again));
  };

interface StageState {
  readonly tokens: Value;
  readonly size: Size;
  readonly native: number;
  readonly width: number;
}

function stageOf(s: Scope, state: StageState, c: MvitConfig, stage: number): StageState {
  const widthAt = (i: number): number => c.embed_dim * 2 ** Math.min(i, c.depths.length - 1);
  const target = c.expand_attn ? widthAt(stage) : widthAt(stage + 1);
  const depth = c.depths[stage] ?? 0;
  let { tokens, size, native, width } = state;
  for (let i = 0; i < depth; i++) {
    const stride = i === 0 && stage > 0 ? 2 : 1;
    const out = c.expand_attn || i === depth - 1 ? target : width;
    const place: Place = {
      width: [width, c.expand_attn ? out : width, out],
      heads: c.num_heads * 2 ** stage,
      strides: [stride, keyStride(stage)],
      size,
      native,
      expand: c.expand_attn,
      prefix: c.use_cls_token ? 1 : 0,
    };
    tokens = s.at("blocks").call(i, block(place), tokens);
    size = reduced(size, stride);
    native = Math.floor(native / stride);
    width = out;
  }
  return { tokens, size, native, width };
}

const large: Row = { depths: [2, 6, 36, 4], embed_dim: 144, num_heads: 2 };
const token: Row = { use_cls_token: true };

export default defineFamily({
  name: "mvitv2",
  paper: "https://arxiv.org/abs/2112.01526",
  args,
  variants: {
    mvitv2_tiny: { depths: [1, 2, 5, 2] },
    mvitv2_small: { depths: [1, 2, 11, 2] },
    mvitv2_base: {},
    mvitv2_large: { ...large, expand_attn: false },
    mvitv2_small_cls: { ...token, depths: [1, 2, 11, 2] },
    mvitv2_base_cls: token,
    mvitv2_large_cls: { ...large, ...token },
    mvitv2_huge_cls: { ...token, depths: [4, 8, 60, 8], embed_dim: 192, num_heads: 3 },
  },
  refuse: (c) => {
    const [h, w] = c.img_size.map((extent) => Math.floor(extent / 4));
    return h === w ? undefined : "relative positions need a square img_size";
  },
  groups: () => [stemGroup(/patch_embed/), blockGroup(/stages\.(\d+)/), blockGroup(/norm/, "last")],
  remap: (c) => remap(c.depths, c.expand_attn),
  build: (s, image, c) => {
    const embed: Module = (t, x) =>
      t.call("proj", conv2d(c.embed_dim, { kernel: 7, stride: 4, padding: 3, bias: true }), x);
    const map = s.call("patch_embed", embed, image);
    const [n = 1, , h = 1, w = 1] = map.type.shape;
    if (isSizeSymbolic(image))
      s.notice(`sizes go up to ${c.img_size.join("x")}: beyond, there are no relative positions, and a run fails`);
    const patches = toTokens(s, map);
    const prefix = c.use_cls_token ? 1 : 0;
    const first = (): Value => s.expand(s.param("cls_token", [1, 1, c.embed_dim]), { shape: [n, 1, c.embed_dim] });
    let state: StageState = {
      tokens: prefix === 0 ? patches : s.concat([first(), patches], { axis: 1 }),
      size: [h, w],
      native: Math.floor(c.img_size[0] / 4),
      width: c.embed_dim,
    };
    const last = c.depths.length - 1;
    const stages = c.depths.map((_, i): Stage => {
      s.call(
        `stages.${i}`,
        (t) => {
          state = stageOf(t, state, c, i);
          return state.tokens;
        },
        state.tokens,
      );
      const { tokens, size } = state;
      const mapOf = (x: Value): Value => toMap(s, dropTokens(s, x, prefix), size);
      return {
        module: `block.${i}`,
        value: mapOf(tokens),
        reduction: 4 * 2 ** i,
        format: "NCHW",
        intermediate: (wanted) => {
          const normed = wanted && i === last;
          return { value: mapOf(normed ? norm(s.at("norm"), tokens) : tokens), normed };
        },
      };
    });
    const tokens = s.call("norm", norm, state.tokens);
    const pool = c.global_pool ?? (c.use_cls_token ? "token" : "avg");
    const preLogits = poolTokens(s, tokens, pool, prefix);
    const head: Module = (t, x) => t.chain(x, { fc: fullyConnected(c.num_classes) });
    const logits = s.call("head", head, preLogits);
    return { forwardFeatures: [tokens], preLogits: [preLogits], logits: [logits], stages, format: "NLC" };
  },
});
