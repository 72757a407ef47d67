/**
 * Networks of MLPs alone: MLP-Mixer, Tolstikhin et al. 2021 (arXiv:2105.01601); ResMLP, Touvron et al. 2021 (2105.03404);
 * gMLP, Liu et al. 2021 (2105.08050).
 */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { gluMlp } from "../layers/glu-mlp.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed, patchGrid } from "../layers/patch-embed.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import { type BlockKind, type MixerConfig, args, refuse, widths } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

/** alpha x + beta per channel: what a trained ResMLP has in place of norms (2105.03404, eq. 1). */
const affine: Module = (s, x) => {
  const width = x.type.shape[2] ?? 0;
  return s.add(s.param("beta", [1, 1, width]), s.mul(s.param("alpha", [1, 1, width]), x));
};

const normOf = (c: MixerConfig): Module => (c.norm_layer === "affine" ? affine : layerNorm(1e-6));

const mlpOf = (c: MixerConfig, hidden: number): Module =>
  c.mlp_layer === "glu" ? gluMlp(hidden, { act: c.act_layer }) : mlp(hidden, { act: c.act_layer });

const swap = (s: Scope, x: Value): Value => s.transpose(x, { perm: [0, 2, 1] });

/** A module along the tokens of [N, L, C]. */
const acrossTokens =
  (module: Module): Module =>
  (s, x) =>
    swap(s, module(s, swap(s, x)));

/** 2105.01601, eq. 1. */
const mixerBlock =
  (c: MixerConfig): Module =>
  (s, x) => {
    const [tokens, channels] = widths(c);
    const norm = normOf(c);
    const y = s.add(x, s.chain(x, { norm1: norm, mlp_tokens: acrossTokens(mlpOf(c, tokens)) }));
    return s.add(y, s.chain(y, { norm2: norm, mlp_channels: mlpOf(c, channels) }));
  };

/** 2105.03404, eq. 2 and 3. */
const resBlock =
  (c: MixerConfig): Module =>
  (s, x) => {
    const [, length = 1, width = 1] = x.type.shape;
    const tokens = s.static(length, "a linear layer over tokens has their number as its width");
    const scaled = (name: string, y: Value): Value => s.mul(s.param(name, [width]), y);
    const norm = normOf(c);
    const y = s.chain(x, { norm1: norm, linear_tokens: acrossTokens(linear(tokens)) });
    const z = s.add(x, scaled("ls1", y));
    return s.add(z, scaled("ls2", s.chain(z, { norm2: norm, mlp_channels: mlpOf(c, widths(c)[1]) })));
  };

/** 2105.08050, eq. 2: one half of the channels, mixed over the tokens, gates the other. */
const spatialGate: Module = (s, x) => {
  const [, length = 1, channels = 1] = x.type.shape;
  const half = s.static(channels, "a gate halves the channels") / 2;
  const tokens = s.static(length, "a linear layer over tokens has their number as its width");
  const [u, v] = split(s, x, [half, half]);
  return s.mul(u, s.chain(v, { norm: layerNorm(1e-5), proj: acrossTokens(linear(tokens)) }));
};

/** 2105.08050, eq. 1. */
const gatingBlock =
  (c: MixerConfig): Module =>
  (s, x) => {
    const width = s.features(x);
    const gated: Module = (t, y) =>
      t.chain(y, { fc1: linear(widths(c)[1]), act: act(c.act_layer), gate: spatialGate, fc2: linear(width) });
    return s.add(x, s.chain(x, { norm: normOf(c), mlp_channels: gated }));
  };

const blocks: { readonly [K in BlockKind]: (c: MixerConfig) => Module } = {
  mixer: mixerBlock,
  res: resBlock,
  gating: gatingBlock,
};

export default defineFamily({
  name: "mlp_mixer",
  paper: "https://arxiv.org/abs/2105.01601",
  args,
  variants,
  lastStages: 3,
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  fixedSize: () => "blocks mix tokens by linear layers as wide as img_size has patches",
  groups: () => [stemGroup(/stem/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  remap: () => remap,
  build: (s, image, c) => {
    const [h = 1, w = 1] = image.type.shape.slice(2);
    const norm = normOf(c);
    const stem = patchEmbed({
      patch: c.patch_size,
      width: c.embed_dim,
      norm: c.stem_norm ? norm : undefined,
      size: c.img_size,
    });
    const outputs: Value[] = [];
    const block = blocks[c.block_layer](c);
    const stack = Array.from({ length: c.num_blocks }, () => block);
    const tokens = s.chain(image, { stem, blocks: noting(stack, outputs), norm });
    const preLogits = globalPoolOver(s, tokens, c.global_pool, [1]);
    const stages = blockStages(s, outputs, {
      grid: patchGrid([h, w], c.patch_size),
      reduction: Math.max(...c.patch_size),
      norm: { path: "norm", module: norm },
    });
    return {
      forwardFeatures: [tokens],
      preLogits: [preLogits],
      logits: [s.chain(preLogits, { head: fullyConnected(c.num_classes) })],
      stages,
      format: "NLC",
    };
  },
});
