/** VoVNet: Lee et al. 2019 (arXiv:1904.09730); V2 with residuals and channel attention: Lee and Park 2019 (1911.06667). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { noting } from "../layers/block-stages.ts";
import { channelAttention } from "../layers/channel-attention.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { maxPool } from "../layers/pool.ts";
import { separableConvNormAct } from "../layers/separable-conv.ts";
import type { Module } from "../scope.ts";
import { type VovNetConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const spatial = (c: VovNetConfig, out: number, stride = 1): Module => {
  const options = { kernel: 3, stride, norm: c.norm_layer, act: c.act_layer };
  return c.depthwise ? separableConvNormAct(out, options) : convNormAct(out, options);
};

interface Place {
  readonly width: number;
  readonly out: number;
  readonly residual: boolean;
  readonly last: boolean;
}

/** One-shot aggregation (fig. 1b): a chain of convolutions, and one 1x1 that sees the input and all of their results. */
const osaBlock =
  (c: VovNetConfig, p: Place): Module =>
  (s, x) => {
    const style = { norm: c.norm_layer, act: c.act_layer };
    const reduces = c.depthwise && x.type.shape[1] !== p.width;
    const results = [x];
    let y = s.chain(x, { conv_reduction: reduces ? convNormAct(p.width, style) : undefined });
    for (let i = 0; i < c.layer_per_block; i++) {
      y = s.at("conv_mid").call(i, spatial(c, p.width), y);
      results.push(y);
    }
    const z = s.chain(s.concat(results, { axis: 1 }), {
      conv_concat: convNormAct(p.out, style),
      attn: p.last && c.attn !== "" ? channelAttention(c.attn, p.out) : undefined,
    });
    return p.residual ? s.add(z, x) : z;
  };

const stage =
  (c: VovNetConfig, i: number): Module =>
  (s, x) => {
    const pools = c.stem_stride === 2 || i > 0;
    const depth = c.block_per_stage[i] ?? 0;
    const [width, out] = [c.stage_conv_chs[i] ?? 0, c.stage_out_chs[i] ?? 0];
    const blocks = Array.from({ length: depth }, (_, j) =>
      osaBlock(c, { width, out, residual: c.residual && j > 0, last: j === depth - 1 }),
    );
    const pool = pools ? maxPool(3, { stride: 2, ceil: true }) : undefined;
    return s.chain(x, { pool, blocks: (t, y) => t.sequence(y, blocks) });
  };

/** Separable blocks reduce their input where its width is another: timm has no residual there. */
const reducesWithResidual = (c: VovNetConfig): boolean =>
  c.depthwise &&
  c.residual &&
  c.block_per_stage.some((depth, i) => depth > 1 && c.stage_out_chs[i] !== c.stage_conv_chs[i]);

export default defineFamily({
  name: "vovnet",
  paper: "https://arxiv.org/abs/1904.09730",
  args,
  variants,
  refuse: (c, given) => {
    if (reducesWithResidual(c)) return "separable blocks of another width than their input have no residual";
    return refuseFixed(c, given) ?? refuseUnpooled(c);
  },
  groups: (coarse) => [stemGroup(/stem/), blockGroup(coarse ? /stages\.(\d+)/ : /stages\.(\d+).blocks\.(\d+)/)],
  build: (s, input, c) => {
    const [first = 0, second = 0, third = 0] = c.stem_chs;
    const convolutions = [
      convNormAct(first, { kernel: 3, stride: 2, norm: c.norm_layer, act: c.act_layer }),
      spatial(c, second),
      spatial(c, third, c.stem_stride / 2),
    ];
    const stem: Value[] = [];
    const pooled = s.call("stem", noting(convolutions, stem), input);
    const at = c.stem_stride === 4 ? 1 : 2;
    const stages: Stage[] = [
      { module: `stem.${at}`, value: stem[at] ?? pooled, channels: second, reduction: 2, format: "NCHW" },
    ];
    const outputs: Value[] = [];
    const x = s.call(
      "stages",
      noting(
        [0, 1, 2, 3].map((i) => stage(c, i)),
        outputs,
      ),
      pooled,
    );
    outputs.forEach((value, i) => stages.push({ module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW" }));
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
