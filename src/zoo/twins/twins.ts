/** Twins: Chu et al. 2021, "Revisiting the design of spatial attention in vision transformers" (arXiv:2104.13840). */
import type { Dim } from "../../ir/dim.ts";
import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { attention } from "../layers/attention.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { convPositions } from "../layers/conv-positions.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { reducedAttention } from "../layers/reduced-attention.ts";
import { cropMap, mapSize, padToWindows, windowPartition, windowReverse } from "../layers/window.ts";
import { type ConfigOf, classOnly, dropRates, dropout, int, ints, oneOf, optional, pair } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width that patch_size must divide; other inputs are taken too"),
  patch_size: int(4, "pixels of a patch in the first stage; 2 in the others", { min: 1 }),
  global_pool: oneOf(["avg", ""], "avg", 'pooling of the tokens; "" keeps all of them'),
  embed_dims: ints([64, 128, 256, 512], "width of each stage", { min: 1 }),
  num_heads: ints([1, 2, 4, 8], "attention heads of each stage", { min: 1 }),
  mlp_ratios: ints([4, 4, 4, 4], "width inside an MLP per width of a token in each stage", { min: 0 }),
  depths: ints([3, 4, 6, 3], "blocks of each stage", { min: 1 }),
  sr_ratios: ints([8, 4, 2, 1], "how much coarser keys and values are in each stage", { min: 1 }),
  wss: optional(ints([7, 7, 7, 7], "windows of every other block, from the first; without it none has", { min: 1 })),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  block_cls: classOnly<undefined>(undefined, "the blocks"),
  pos_drop_rate: dropout("dropout after the patches; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
};

type TwinsConfig = ConfigOf<typeof args>;
type Row = Partial<TwinsConfig>;
type Grid = readonly [Dim, Dim];

const norm = layerNorm(1e-6);
const torchNorm = layerNorm(1e-5);

/** Section 3.2, locally grouped attention: windows that nothing is shared between; those at the border see zeros. */
const grouped =
  (heads: number, side: number, [h, w]: Grid): Module =>
  (s, x) => {
    const [n = 1, , width = 1] = x.type.shape;
    const map = s.reshape(x, { shape: [n, h, w, width] });
    const window = [side, side] as const;
    const padded = padToWindows(s, map, window);
    const attended = attention({ heads, qkvBias: true })(s, windowPartition(s, padded, window));
    const whole = cropMap(s, windowReverse(s, attended, window, padded), mapSize(map));
    return s.reshape(whole, { shape: [n, mulDim(h, w), width] });
  };

function attentionOf(c: TwinsConfig, stage: number, block: number, grid: Grid): Module {
  const heads = c.num_heads[stage] ?? 1;
  const side = c.wss === undefined || block % 2 === 1 ? 1 : (c.wss[stage] ?? 1);
  if (side > 1) return grouped(heads, side, grid);
  const ratio = c.sr_ratios[stage] ?? 1;
  const width = c.embed_dims[stage] ?? 1;
  const conv = conv2d(width, { kernel: ratio, stride: ratio, padding: 0, bias: true });
  const reduce = ratio > 1 ? (s: Scope, map: Value): Value => s.call("sr", conv, map) : undefined;
  return reducedAttention(grid, { heads, reduce, after: { norm: torchNorm } });
}

function stageOf(s: Scope, input: Value, c: TwinsConfig, stage: number): { tokens: Value; grid: Grid } {
  const width = c.embed_dims[stage] ?? 1;
  const patch = stage === 0 ? c.patch_size : 2;
  let grid: Grid = [1, 1];
  const embed: Module = (t, y) => {
    const map = t.call("proj", conv2d(width, { kernel: patch, stride: patch, padding: 0, bias: true }), y);
    const [, , h = 1, w = 1] = map.type.shape;
    grid = [h, w];
    return t.call("norm", torchNorm, toTokens(t, map));
  };
  let tokens = s.at("patch_embeds").call(stage, embed, input);
  for (let i = 0; i < (c.depths[stage] ?? 0); i++) {
    const block: Module = (t, x) => {
      const y = t.add(x, t.chain(x, { norm1: norm, attn: attentionOf(c, stage, i, grid) }));
      const hidden = width * (c.mlp_ratios[stage] ?? 4) || width;
      return t.add(y, t.chain(y, { norm2: norm, mlp: mlp(hidden) }));
    };
    tokens = s.at(`blocks.${stage}`).call(i, block, tokens);
    // Section 3.1: positions follow the first block of a stage.
    if (i === 0) tokens = s.at("pos_block").call(stage, convPositions(grid, true), tokens);
  }
  return { tokens, grid };
}

function refuse(c: TwinsConfig): string | undefined {
  const stages = c.depths.length;
  const lists = { embed_dims: c.embed_dims, num_heads: c.num_heads, mlp_ratios: c.mlp_ratios, sr_ratios: c.sr_ratios };
  for (const [name, list] of Object.entries({ ...lists, ...(c.wss ? { wss: c.wss } : {}) }))
    if (list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
  if (c.embed_dims.length > stages) return `embed_dims has ${c.embed_dims.length} entries for ${stages} stages`;
  const at = c.embed_dims.findIndex((width, i) => width % (c.num_heads[i] ?? 1) !== 0);
  if (at >= 0) return `embed_dims: ${c.embed_dims[at]} must be divisible by num_heads=${c.num_heads[at]}`;
  let size = c.img_size;
  for (let i = 0; i < stages; i++) {
    const patch = i === 0 ? c.patch_size : 2;
    if (size.some((extent) => extent % patch !== 0))
      return `patches of ${patch} must divide ${size.join("x")} in stage ${i}`;
    size = [size[0] / patch, size[1] / patch];
  }
  return undefined;
}

const pcpvt: Row = { embed_dims: [64, 128, 320, 512], num_heads: [1, 2, 5, 8], mlp_ratios: [8, 8, 4, 4] };
const svt: Row = { wss: [7, 7, 7, 7], depths: [2, 2, 18, 2] };

export default defineFamily({
  name: "twins",
  paper: "https://arxiv.org/abs/2104.13840",
  args,
  variants: {
    twins_pcpvt_small: pcpvt,
    twins_pcpvt_base: { ...pcpvt, depths: [3, 4, 18, 3] },
    twins_pcpvt_large: { ...pcpvt, depths: [3, 8, 27, 3] },
    twins_svt_small: { ...svt, num_heads: [2, 4, 8, 16], depths: [2, 2, 10, 4] },
    twins_svt_base: { ...svt, embed_dims: [96, 192, 384, 768], num_heads: [3, 6, 12, 24] },
    twins_svt_large: { ...svt, embed_dims: [128, 256, 512, 1024], num_heads: [4, 8, 16, 32] },
  },
  refuse,
  groups: (coarse) => [
    stemGroup(/patch_embeds.0/),
    ...(coarse
      ? [blockGroup(/(?:blocks|patch_embeds|pos_block)\.(\d+)/)]
      : [blockGroup(/blocks\.(\d+)\.(\d+)/), blockGroup(/(?:patch_embeds|pos_block)\.(\d+)/, "first")]),
    blockGroup(/norm/, "last"),
  ],
  build: (s, image, c) => {
    let x = image;
    let tokens = image;
    const last = c.depths.length - 1;
    const stages = c.depths.map((_, i): Stage => {
      const result = stageOf(s, x, c, i);
      tokens = result.tokens;
      const value = toMap(s, tokens, result.grid);
      x = value;
      const own = tokens;
      return {
        module: `block.${i}`,
        value,
        reduction: 2 ** (2 + i),
        format: "NCHW",
        intermediate: (wanted) =>
          wanted && i === last
            ? { value: toMap(s, norm(s.at("norm"), own), result.grid), normed: true }
            : { value, normed: false },
      };
    });
    const features = s.call("norm", norm, tokens);
    const preLogits = globalPoolOver(s, features, c.global_pool, [1]);
    const logits = s.chain(preLogits, { head: fullyConnected(c.num_classes) });
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NLC" };
  },
});
