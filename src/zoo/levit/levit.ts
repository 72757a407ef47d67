/** LeViT: Graham et al. 2021 (arXiv:2104.01136), attention on small maps with biases by offset. */
import { printDim, sameDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act, actLayer } from "../layers/act.ts";
import { bnLinear, convBn } from "../layers/conv-bn.ts";
import type { Pair } from "../layers/conv.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { meanOfHeads } from "../layers/two-heads.ts";
import type { Remap } from "../remap/remap.ts";
import { drop } from "../remap/steps.ts";
import {
  type ConfigOf,
  bool,
  dropRates,
  ignored,
  int,
  internal,
  ints,
  number,
  oneOf,
  optional,
  pair,
  perStage,
  stagewise,
} from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { type Style, attentionDownsample, halved, levitBlock, levitMlp } from "./units.ts";
import { variants } from "./variants.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  embed_dim: ints([256, 384, 512], "width of each stage", { min: 8 }),
  key_dim: int(32, "width of queries and keys of a head", { min: 1 }),
  depth: ints([4, 4, 4], "blocks of each stage", { min: 0 }),
  num_heads: perStage(int(4, "attention heads", { min: 1 })),
  attn_ratio: perStage(number(2, "width of values over that of keys", { min: 0 })),
  mlp_ratio: perStage(number(2, "width inside an MLP over that of its stage", { min: 0 })),
  stem_type: oneOf(["s16", "s8"], "s16", "four strided convolutions, or three"),
  act_layer: actLayer("hard_swish"),
  attn_act_layer: optional(actLayer("hard_swish")),
  use_conv: bool(false, "convolutions on maps instead of linear layers on tokens"),
  distilled: bool(true, "a second head, whose scores are averaged with the first one's"),
  down_op: ignored("how a stage shrinks the map"),
  /** Arguments that the architecture's entry function sets. */
  fixed: internal<readonly string[]>([]),
};

type LevitConfig = ConfigOf<typeof args>;

const downRatios = { attn: 4, mlp: 2 };

/** Strided convolutions that double the channels up to `width`. */
const stem =
  (c: LevitConfig, width: number): Module =>
  (s, x) => {
    const convs = c.stem_type === "s16" ? 4 : 3;
    let y = x;
    for (let i = 1; i <= convs; i++) {
      const out = Math.floor(width / 2 ** (convs - i));
      y = s.call(`conv${i}`, convBn(out, { kernel: 3, stride: 2 }, "linear"), y);
      if (i < convs) y = s.call(`act${i}`, act(c.act_layer), y);
    }
    return y;
  };

/** Fewer queries than keys, then an MLP added to the result. */
const downsample =
  (c: LevitConfig, style: Style, size: Pair, out: number): Module =>
  (s, x) => {
    const width = c.use_conv ? s.channels(x) : s.features(x);
    const heads = Math.floor(width / c.key_dim);
    const o = { heads, keyDim: c.key_dim, valueDim: downRatios.attn * c.key_dim, size };
    const y = s.call("attn_downsample", attentionDownsample(style, o, out), x);
    return s.add(y, s.call("mlp", levitMlp(style, downRatios.mlp), y));
  };

interface Place {
  readonly index: number;
  /** Of the map that comes in. */
  readonly size: Pair;
}

const stage =
  (c: LevitConfig, style: Style, { index, size }: Place): Module =>
  (s, x) => {
    const count = c.embed_dim.length;
    const after: Pair = index === 0 ? size : [halved(size[0]), halved(size[1])];
    const options = {
      heads: stagewise(c.num_heads, count)[index] ?? 1,
      keyDim: c.key_dim,
      valueDim: Math.trunc((stagewise(c.attn_ratio, count)[index] ?? 2) * c.key_dim),
      size: after,
    };
    const block = levitBlock(style, options, stagewise(c.mlp_ratio, count)[index] ?? 2);
    return s.chain(x, {
      downsample: index === 0 ? undefined : downsample(c, style, size, c.embed_dim[index] ?? 0),
      blocks: (t, y) => t.sequence(y, Array<Module>(c.depth[index] ?? 0).fill(block)),
    });
  };

/** timm makes the biases for img_size: the stem's map must have its size. */
function needSize(map: Value, size: Pair): void {
  const [h = 0, w = 0] = map.type.shape.slice(2);
  if (sameDim(h, size[0]) && sameDim(w, size[1])) return;
  throw new TimmcError(
    "unsupported",
    `the stem's map is ${printDim(h)}x${printDim(w)} where the biases are for ${size[0]}x${size[1]}`,
  );
}

function refuse(c: LevitConfig, given: ReadonlySet<string>): string | undefined {
  const twice = c.fixed.find((name) => given.has(name));
  if (twice !== undefined) return `${twice}: the architecture sets it, and timm refuses a second value`;
  const count = c.embed_dim.length;
  if (c.depth.length !== count) return `depth has ${c.depth.length} entries for ${count} stages`;
  for (const [name, list] of Object.entries({
    num_heads: c.num_heads,
    attn_ratio: c.attn_ratio,
    mlp_ratio: c.mlp_ratio,
  }))
    if (Array.isArray(list) && list.length < count) return `${name} has ${list.length} entries for ${count} stages`;
  return c.global_pool === "" && c.num_classes > 0
    ? 'global_pool="" needs num_classes=0: the classifier takes no map'
    : undefined;
}

const pool = (s: Scope, x: Value, c: LevitConfig): Value => {
  if (c.global_pool === "") return x;
  return s.reduce_mean(x, { axes: c.use_conv ? [2, 3] : [1] });
};

const remap: Remap = { layouts: [], tail: [drop(/attention_bias_idxs/, "a table that follows from the map")] };

export default defineFamily({
  name: "levit",
  paper: "https://arxiv.org/abs/2104.01136",
  args,
  variants,
  refuse,
  fixedSize: () => "attention_biases are picked for the positions of img_size",
  groups: () => [stemGroup(/cls_token|pos_embed|patch_embed/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  remap: () => remap,
  build: (s, input, c) => {
    const style: Style = { conv: c.use_conv, act: c.act_layer, attnAct: c.attn_act_layer ?? c.act_layer };
    const stride = c.stem_type === "s16" ? 16 : 8;
    let size: Pair = [Math.floor(c.img_size[0] / stride), Math.floor(c.img_size[1] / stride)];
    const map = s.call("stem", stem(c, c.embed_dim[0] ?? 0), input);
    needSize(map, size);
    const stages: Stage[] = [];
    const trunk: Module = (t, y) =>
      c.embed_dim.reduce<Value>((x, _, index) => {
        const result = t.call(index, stage(c, style, { index, size }), x);
        if (index > 0) size = [halved(size[0]), halved(size[1])];
        const value = c.use_conv ? result : toMap(t, result, size);
        stages.push({ module: `stages.${index}`, value, reduction: stride * 2 ** index, format: "NCHW" });
        return result;
      }, y);
    const features = s.call("stages", trunk, c.use_conv ? map : toTokens(s, map));
    const pooled = pool(s, features, c);
    const logits = meanOfHeads(s, pooled, bnLinear(c.num_classes, "linear"), c.distilled);
    const format = c.use_conv ? "NCHW" : "NLC";
    return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format };
  },
});
