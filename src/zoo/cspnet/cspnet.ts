/** Cross-stage partial networks: Wang et al. 2019 (arXiv:1911.11929), and the Darknets that they are compared with. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { noting } from "../layers/block-stages.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { maxPool } from "../layers/pool.ts";
import { stageStrides } from "../layers/stage-strides.ts";
import type { Module } from "../scope.ts";
import { type CspNetConfig, args } from "./config.ts";
import { stage } from "./stages.ts";
import { variants } from "./variants.ts";

/** Convolutions conv1, conv2 and so on, then the pool; `note` sees every output with its stride. */
const stem =
  (c: CspNetConfig, note: (name: string, value: Value, stride: number) => void): Module =>
  (s, x) => {
    const { channels, kernel = 3, stride, padding, pool = false } = c.design.stem;
    const last = channels.length - 1;
    let reduction = 1;
    let y = x;
    for (const [i, out] of channels.entries()) {
      const step = (i === 0 && stride > 1) || (i === last && stride > 2 && !pool) ? 2 : 1;
      const geometry = { kernel, stride: step, padding: i === 0 ? padding : undefined };
      y = s.call(`conv${i + 1}`, convNormAct(out, { ...geometry, norm: c.norm_layer, act: c.act_layer }), y);
      reduction *= step;
      note(`conv${i + 1}`, y, reduction);
    }
    if (!pool) return y;
    const pooled = s.call("pool", maxPool(3, { stride: 2, padding: 1 }), y);
    note("pool", pooled, 2 * reduction);
    return pooled;
  };

export default defineFamily({
  name: "cspnet",
  paper: "https://arxiv.org/abs/1911.11929",
  args,
  variants,
  refuse: (c) =>
    c.aa_layer !== undefined && c.design.stem.pool === true
      ? "timm takes no name for aa_layer where the stem has a pool"
      : refuseUnpooled(c),
  groups: (coarse) =>
    coarse
      ? [stemGroup(/stem/), blockGroup(/stages\.(\d+)/)]
      : [
          stemGroup(/stem/),
          blockGroup(/stages\.(\d+)\.blocks\.(\d+)/),
          blockGroup(/stages\.(\d+)\..*transition/, "last"),
          blockGroup(/stages\.(\d+)/, "first"),
        ],
  build: (s, input, c) => {
    const steps: Stage[] = [];
    const note = (module: string, value: Value, reduction: number): void => {
      steps.push({ module, value, reduction, format: "NCHW" });
    };
    const pooled = s.call(
      "stem",
      stem(c, (name, value, stride) => note(`stem.${name}`, value, stride)),
      input,
    );
    const designs = c.design.stages;
    const strides = stageStrides(
      designs.map((d) => d.stride),
      c.design.stem.stride,
      c.output_stride,
    );
    const modules = strides.flatMap((at, i) => {
      const design = designs[i];
      return design === undefined ? [] : [stage(c, design, at)];
    });
    const outputs: Value[] = [];
    const x = s.call("stages", noting(modules, outputs), pooled);
    /** A feature is what the next layer with a stride sees, as designed: strides that became dilation count. */
    const ends = steps.filter((step, i) => step.reduction !== steps[i + 1]?.reduction);
    const first = ends.pop();
    const stages = [...ends, ...(first !== undefined && designs[0]?.stride !== 1 ? [first] : [])];
    outputs.forEach((value, i) => {
      const reduction = strides[i]?.reduction ?? 0;
      if (designs[i + 1]?.stride !== 1) stages.push({ module: `stages.${i}`, value, reduction, format: "NCHW" });
    });
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), x);
    const { defaultStages } = c.design;
    return {
      forwardFeatures: [x],
      preLogits: [head.preLogits],
      logits: [head.logits],
      stages,
      ...(defaultStages === undefined ? {} : { defaultStages }),
      format: "NCHW",
    };
  },
});
