/** Swin Transformer V2: Liu et al. 2021, "Scaling up capacity and resolution" (arXiv:2111.09883). */
import type { Value } from "../../ir/value.ts";
import { mulDim } from "../../ir/dim.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { biasedQkv } from "../layers/biased-qkv.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import type { Pair } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed } from "../layers/patch-embed.ts";
import { quadrants } from "../layers/patch-merging.ts";
import { stepBias } from "../layers/relative-position.ts";
import { type Windows, cosineAttention, inShiftedWindows, logitScale } from "../layers/shifted-windows.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import { resolution, windowAndShift } from "../swin-transformer/windows.ts";
import { type SwinV2Config, args, refuse } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const norm = layerNorm(1e-5);

/** Section 3.3: biases from an MLP over logarithmic steps, relative to the window of the pretraining. */
function positionBias(s: Scope, c: SwinV2Config, stage: number, window: Pair): Value {
  const heads = c.num_heads[stage] ?? 1;
  const pretrained = c.pretrained_window_sizes[stage] ?? 0;
  const reference: Pair | undefined = pretrained > 0 ? [pretrained, pretrained] : undefined;
  const layers = [linear(512), act("relu"), linear(heads, { bias: false })];
  return stepBias(s, window, { mode: "swin", reference }, (steps) =>
    s.call("cpb_mlp", (t, y) => t.sequence(y, layers), steps),
  );
}

const attention =
  (c: SwinV2Config, stage: number, window: Pair, windows: Windows): Module =>
  (s, x) => {
    const heads = c.num_heads[stage] ?? 1;
    const width = s.features(x);
    const qkv = split(s, s.call("qkv", biasedQkv(s, width, c.qkv_bias), x), [width, width, width]);
    const scale = logitScale(s, heads, [heads, 1, 1]);
    const bias = positionBias(s, c, stage, window);
    return s.call("proj", linear(width), cosineAttention(s, qkv, { heads, scale, bias, windows }));
  };

/** Section 3.2: norms at the end of the residual branches. */
const block =
  (c: SwinV2Config, stage: number, shifted: boolean): Module =>
  (s, x) => {
    const [n = 1, h = 1, w = 1, channels = 1] = x.type.shape;
    const size = resolution(c, stage);
    const place = windowAndShift(c, { resolution: size, window: c.window_size, shifted });
    const attended = inShiftedWindows(
      s,
      x,
      { ...place, resolution: c.strict_img_size ? size : undefined },
      (windows, info) => s.call("attn", attention(c, stage, place.window, info), windows),
    );
    const y = s.add(x, s.call("norm1", norm, attended));
    const tokens = s.reshape(y, { shape: [n, mulDim(h, w), channels] });
    const width = s.static(channels, "the width of a block");
    const feed = mlp(Math.trunc(width * c.mlp_ratio) || width, { act: c.act_layer });
    return s.reshape(s.add(tokens, s.chain(tokens, { mlp: feed, norm2: norm })), { shape: x.type.shape });
  };

const stageModule =
  (c: SwinV2Config, stage: number): Module =>
  (s, x) => {
    const reduction = linear(c.embed_dim * 2 ** stage, { bias: false });
    const merge: Module = (t, y) => t.chain(quadrants(t, y), { reduction, norm });
    const blocks = Array.from({ length: c.depths[stage] ?? 0 }, (_, i) => block(c, stage, i % 2 === 1));
    return s.chain(x, { downsample: stage > 0 ? merge : undefined, blocks: (t, y) => t.sequence(y, blocks) });
  };

export default defineFamily({
  name: "swin_transformer_v2",
  paper: "https://arxiv.org/abs/2111.09883",
  args,
  variants,
  refuse,
  groups: (coarse) => [
    stemGroup(/absolute_pos_embed|patch_embed/),
    ...(coarse
      ? [blockGroup(/layers\.(\d+)/)]
      : [
          blockGroup(/layers\.(\d+).downsample/, "first"),
          blockGroup(/layers\.(\d+)\.\w+\.(\d+)/),
          blockGroup(/norm/, "last"),
        ]),
  ],
  remap: () => remap,
  build: (s, image, c) => {
    const embed = patchEmbed({
      patch: [c.patch_size, c.patch_size],
      width: c.embed_dim,
      norm,
      format: "NHWC",
      size: c.strict_img_size ? c.img_size : undefined,
    });
    const stages: Stage[] = [];
    const last = c.depths.length - 1;
    const layers: Module = (t, embedded) =>
      c.depths.reduce((x, _, i) => {
        const value = t.call(i, stageModule(c, i), x);
        const intermediate = normedAtEnd(s, value, i === last ? { path: "norm", module: norm } : undefined);
        stages.push({ module: `layers.${i}`, value, reduction: 4 * 2 ** i, format: "NHWC", intermediate });
        return value;
      }, embedded);
    const features = s.chain(image, { patch_embed: embed, layers, norm });
    const classify = classifierHead({ classes: c.num_classes, pool: c.global_pool, format: "NHWC" });
    const head = callHead(s, "head", classify, features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NHWC" };
  },
});
