/** Swin Transformer V2 (Liu et al. 2021, arXiv:2111.09883) as Reich wrote it from the paper, before its code was public. */
import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { type Pair, conv2d } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { channelsLast, layerNorm } from "../layers/norm.ts";
import { needSize } from "../layers/patch-embed.ts";
import { quadrants } from "../layers/patch-merging.ts";
import { mlpBias } from "../layers/relative-position.ts";
import { type Windows, cosineAttention, inShiftedWindows, logitScale } from "../layers/shifted-windows.ts";
import { split } from "../layers/split.ts";
import { change, rename } from "../remap/steps.ts";
import type { Remap } from "../remap/remap.ts";
import type { Module, Scope } from "../scope.ts";
import { resolution, windowAndShift } from "../swin-transformer/windows.ts";
import { type SwinV2CrConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const norm = layerNorm(1e-5);
const toNhwc = (s: Scope, x: Value): Value => s.transpose(x, { perm: [0, 2, 3, 1] });
const toNchw = (s: Scope, x: Value): Value => s.transpose(x, { perm: [0, 3, 1, 2] });

/** Where window_size is not given, windows are a fraction of the first map. */
function windowOf(c: SwinV2CrConfig): Pair {
  const [h, w] = resolution(c, 0);
  return c.window_size ?? [Math.floor(h / c.window_ratio), Math.floor(w / c.window_ratio)];
}

const attention =
  (heads: number, window: Pair, windows: Windows): Module =>
  (s, x) => {
    const width = s.features(x);
    const qkv = split(s, s.call("qkv", linear(3 * width), x), [width, width, width]);
    const scale = logitScale(s, heads, [heads]);
    const bias = mlpBias(s, heads, window, { hidden: 384, mode: "cr", name: "meta_mlp" });
    return s.call("proj", linear(width), cosineAttention(s, qkv, { heads, scale, bias, windows }));
  };

interface Place {
  readonly stage: number;
  readonly shifted: boolean;
  readonly extraNorm: boolean;
}

const block =
  (c: SwinV2CrConfig, { stage, shifted, extraNorm }: Place): Module =>
  (s, x) => {
    const [n = 1, h = 1, w = 1, channels = 1] = x.type.shape;
    const size = resolution(c, stage);
    const place = windowAndShift(c, { resolution: size, window: windowOf(c), shifted });
    const attended = inShiftedWindows(
      s,
      x,
      { ...place, resolution: c.strict_img_size ? size : undefined },
      (windows, info) => s.call("attn", attention(c.num_heads[stage] ?? 1, place.window, info), windows),
    );
    const y = s.add(x, s.call("norm1", norm, attended));
    const tokens = s.reshape(y, { shape: [n, mulDim(h, w), channels] });
    const width = s.static(channels, "the width of a block");
    const feed = mlp(Math.trunc(width * c.mlp_ratio) || width);
    const z = s.add(tokens, s.chain(tokens, { mlp: feed, norm2: norm }));
    return s.reshape(s.chain(z, { norm3: extraNorm ? norm : undefined }), { shape: x.type.shape });
  };

const stageModule =
  (c: SwinV2CrConfig, stage: number): Module =>
  (s, x) => {
    const depth = c.depths[stage] ?? 0;
    const endsNormed = c.extra_norm_stage || stage + 1 === c.depths.length;
    const extraNorm = (i: number): boolean =>
      (c.extra_norm_period > 0 && (i + 1) % c.extra_norm_period === 0) || (endsNormed && i + 1 === depth);
    const reduction = linear(c.embed_dim * 2 ** stage, { bias: false });
    const merge: Module = (t, y) => t.chain(quadrants(t, y), { norm, reduction });
    const blocks = Array.from({ length: depth }, (_, i) =>
      block(c, { stage, shifted: i % 2 === 1, extraNorm: extraNorm(i) }),
    );
    const steps = { downsample: stage > 0 ? merge : undefined, blocks: (t: Scope, y: Value) => t.sequence(y, blocks) };
    return toNchw(s, s.chain(toNhwc(s, x), steps));
  };

const patches =
  (c: SwinV2CrConfig): Module =>
  (s, x) => {
    if (c.strict_img_size) needSize(x, c.img_size);
    const { patch_size: patch } = c;
    const proj = conv2d(c.embed_dim, { kernel: patch, stride: patch, padding: 0, bias: true });
    return s.chain(x, { proj, norm: channelsLast(norm) });
  };

/** Files of the first weights: tau is one over the scale of the scores. */
const remap: Remap = {
  layouts: [
    {
      name: "Swin V2 of Reich",
      when: (file) => !file.has("head.fc.weight") && (file.some(/tau/) || file.has("head.weight")),
      steps: [
        change("take the logarithm of one over it", /tau/, (b, x) => b.neg(b.log(x))),
        rename(/tau/, "logit_scale"),
        rename(/head\./, "head.fc."),
      ],
    },
  ],
  tail: [],
};

export default defineFamily({
  name: "swin_transformer_v2_cr",
  paper: "https://arxiv.org/abs/2111.09883",
  args,
  variants,
  refuse: (c) => {
    if (c.num_heads.length !== c.depths.length)
      return `num_heads has ${c.num_heads.length} entries for ${c.depths.length} stages`;
    const at = c.depths.findIndex((_, i) => (c.embed_dim * 2 ** i) % (c.num_heads[i] ?? 1) !== 0);
    if (at >= 0) return `the width of stage ${at} must be divisible by num_heads=${c.num_heads[at]}`;
    return refuseUnpooled(c);
  },
  groups: (coarse) => [
    stemGroup(/patch_embed/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+).downsample/, "first"), blockGroup(/stages\.(\d+)\.\w+\.(\d+)/)]),
  ],
  remap: () => remap,
  build: (s, image, c) => {
    const stages: Stage[] = [];
    const all = halvingStages(
      c.depths.map((_, i) => stageModule(c, i)),
      stages,
    );
    const features = s.chain(image, { patch_embed: patches(c), stages: all });
    const classify = classifierHead({ classes: c.num_classes, pool: c.global_pool });
    const head = callHead(s, "head", classify, features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
