/** XCiT: El-Nouby et al. 2021, "Cross-covariance image transformers" (arXiv:2106.09681). */
import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, laterBlockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import { classAttention } from "../layers/class-attention.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { crossCovariance } from "../layers/cross-covariance.ts";
import { fourierPositions } from "../layers/fourier-positions.ts";
import { scaleBy } from "../layers/layer-scale.ts";
import { mlp } from "../layers/mlp.ts";
import { batchNorm, layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { poolAndHead } from "../layers/token-head.ts";
import type { Module } from "../scope.ts";
import { type XcitConfig, args, refuse } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

type Grid = readonly [Dim, Dim];

const norm = layerNorm(1e-6);

const mlpOf = (c: XcitConfig): Module => mlp(Math.trunc(c.embed_dim * c.mlp_ratio) || c.embed_dim);

/** Strided 3x3 convolutions, each doubling the width, down to a patch per pixel. */
const convPatches =
  (c: XcitConfig): Module =>
  (s, x) => {
    const first = c.patch_size === 16 ? 8 : 4;
    const halve =
      (divisor: number): Module =>
      (t, y) =>
        t.sequence(y, [conv2d(Math.floor(c.embed_dim / divisor), { kernel: 3, stride: 2 }), batchNorm()]);
    const steps: Module[] = [];
    for (let divisor = first; divisor >= 1; divisor /= 2)
      steps.push(halve(divisor), ...(divisor === 1 ? [] : [act("gelu")]));
    return s.call("proj", (t, y) => t.sequence(y, steps), x);
  };

/** Section 3.3, local patch interaction: two depthwise convolutions. */
const localInteraction =
  (grid: Grid): Module =>
  (s, x) => {
    const conv = depthwise({ kernel: 3, bias: true });
    return toTokens(s, s.chain(toMap(s, x, grid), { conv1: conv, act: act("gelu"), bn: batchNorm(), conv2: conv }));
  };

const block =
  (c: XcitConfig, grid: Grid): Module =>
  (s, x) => {
    const y = s.add(
      x,
      scaleBy(
        s,
        "gamma1",
        s.chain(x, { norm1: norm, attn: crossCovariance({ heads: c.num_heads, qkvBias: c.qkv_bias }) }),
      ),
    );
    const z = s.add(y, scaleBy(s, "gamma3", s.chain(y, { norm3: norm, local_mp: localInteraction(grid) })));
    return s.add(z, scaleBy(s, "gamma2", s.chain(z, { norm2: norm, mlp: mlpOf(c) })));
  };

/** The class token attends; as in the authors' code, residuals start from normed tokens. */
const classBlock =
  (c: XcitConfig): Module =>
  (s, x) => {
    const parts = (y: Value): readonly [Value, Value] => {
      const length = y.type.shape[1] ?? 1;
      return [s.slice(y, { axis: 1, range: [0, 1] }), s.slice(y, { axis: 1, range: [1, length] })];
    };
    const join = (token: Value, patches: Value): Value => s.concat([token, patches], { axis: 1 });
    const normed = s.call("norm1", norm, x);
    const attended = join(s.call("attn", classAttention(c.num_heads, c.qkv_bias), normed), parts(normed)[1]);
    const y = s.add(x, scaleBy(s, "gamma1", attended));
    const [token, patches] = parts(y);
    const z = c.tokens_norm ? s.call("norm2", norm, y) : join(s.call("norm2", norm, token), patches);
    const [first, others] = parts(z);
    return s.add(z, join(scaleBy(s, "gamma2", s.call("mlp", mlpOf(c), first)), others));
  };

const positions =
  (c: XcitConfig, grid: Grid): Module =>
  (s) =>
    toTokens(s, s.call("token_projection", conv2d(c.embed_dim, { bias: true }), fourierPositions(s, grid, 32)));

export default defineFamily({
  name: "xcit",
  paper: "https://arxiv.org/abs/2106.09681",
  args,
  variants,
  lastStages: 3,
  refuse,
  groups: (_, c) => [
    stemGroup(/cls_token|pos_embed|patch_embed/),
    blockGroup(/blocks\.(\d+)/),
    laterBlockGroup(/cls_attn_blocks\.(\d+)/, c.depth),
    blockGroup(/norm/, "last"),
  ],
  remap,
  build: (s, image, c) => {
    const map = s.call("patch_embed", convPatches(c), image);
    const [batch = 1, , rows = 1, columns = 1] = map.type.shape;
    const grid = [rows, columns] as const;
    const patches = toTokens(s, map);
    const embedded = c.use_pos_embed ? s.add(patches, s.call("pos_embed", positions(c, grid), patches)) : patches;
    const outputs: Value[] = [];
    const blocks = Array.from({ length: c.depth }, () => block(c, grid));
    const x = s.call("blocks", noting(blocks, outputs), embedded);
    const token = s.expand(s.param("cls_token", [1, 1, c.embed_dim]), { shape: [batch, 1, c.embed_dim] });
    const last: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.cls_attn_layers }, () => classBlock(c)),
      );
    const tokens = s.chain(s.concat([token, x], { axis: 1 }), { cls_attn_blocks: last, norm });
    const head = poolAndHead(s, tokens, c.global_pool, c.num_classes);
    const stages = blockStages(s, outputs, { grid, reduction: c.patch_size, norm: { path: "norm", module: norm } });
    return { forwardFeatures: [tokens], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NLC" };
  },
});
