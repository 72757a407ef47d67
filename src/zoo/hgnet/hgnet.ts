/** PP-HGNet and PP-HGNetV2 of PaddlePaddle: dense aggregation for fast inference (github.com/PaddlePaddle/PaddleClas). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { type HeadModule, callHead, flatten } from "../layers/classifier-head.ts";
import { fullyConnected, refuseUnpooled } from "../layers/classifier.ts";
import { type ConvOptions, conv2d } from "../layers/conv.ts";
import { convBn, depthwiseBn } from "../layers/conv-bn.ts";
import { globalPool2d, maxPool } from "../layers/pool.ts";
import type { Module } from "../scope.ts";
import { type HgNetConfig, type StageDesign, args } from "./config.ts";
import { variants } from "./variants.ts";

const relu = act("relu");

/** scale x + bias with one number each. */
const learnedAffine: Module = (s, x) => s.add(s.mul(s.param("scale", [1]), x), s.param("bias", [1]));

const convBnAct =
  (c: HgNetConfig, out: number, options: ConvOptions = {}): Module =>
  (s, x) =>
    s.chain(convBn(out, options, "conv")(s, x), { act: relu, lab: c.use_lab ? learnedAffine : undefined });

const lightLayer =
  (c: HgNetConfig, out: number, kernel: number): Module =>
  (s, x) =>
    s.chain(x, { conv1: convBn(out, {}, "conv"), conv2: convBnAct(c, out, { kernel, groups: out }) });

/** A gate per channel from the mean over positions. */
const excite: Module = (s, x) => {
  const channels = s.channels(x);
  const gate = s.chain(s.reduce_mean(x, { axes: [2, 3], keep: true }), {
    conv: conv2d(channels, { bias: true }),
    sigmoid: act("sigmoid"),
  });
  return s.mul(x, gate);
};

/** A chain of layers; the aggregation sees the input and all of their results. */
const block =
  (c: HgNetConfig, d: StageDesign, residual: boolean): Module =>
  (s, x) => {
    const results = [x];
    let y = x;
    for (let i = 0; i < d.layers; i++) {
      const layer = d.light ? lightLayer(c, d.mid, d.kernel) : convBnAct(c, d.mid, { kernel: d.kernel });
      y = s.at("layers").call(i, layer, y);
      results.push(y);
    }
    const steps =
      c.design.version === 2
        ? [convBnAct(c, Math.floor(d.out / 2)), convBnAct(c, d.out)]
        : [convBnAct(c, d.out), excite];
    const z = s.call("aggregation", (t, all) => t.sequence(all, steps), s.concat(results, { axis: 1 }));
    return residual ? s.add(z, x) : z;
  };

const stage =
  (c: HgNetConfig, d: StageDesign): Module =>
  (s, x) => {
    const down = d.downsample ? depthwiseBn({ kernel: 3, stride: 2 }, "conv") : undefined;
    const blocks = Array.from({ length: d.depth }, (_, i) => block(c, d, i > 0));
    return s.chain(x, { downsample: down, blocks: (t, y) => t.sequence(y, blocks) });
  };

const firstStem =
  (c: HgNetConfig): Module =>
  (s, x) => {
    const layers = c.design.stem.map((out, i) => convBnAct(c, out, { kernel: 3, stride: i === 0 ? 2 : 1 }));
    return s.chain(x, { stem: (t, y) => t.sequence(y, layers), pool: maxPool(3, { stride: 2, padding: 1 }) });
  };

/** Beside each other: two 2x2 convolutions and a 2x2 max pool, all of stride 1, with zeros below and to the right. */
const secondStem =
  (c: HgNetConfig): Module =>
  (s, x) => {
    const [mid = 0, out = 0] = c.design.stem;
    const pad = (y: Value): Value => s.pad(y, { padding: [0, 0, 0, 0, 0, 0, 1, 1] });
    const first = pad(s.call("stem1", convBnAct(c, mid, { kernel: 3, stride: 2 }), x));
    const half = s.call("stem2a", convBnAct(c, Math.floor(mid / 2), { kernel: 2 }), first);
    const second = s.call("stem2b", convBnAct(c, mid, { kernel: 2 }), pad(half));
    const pooled = s.call("pool", maxPool(2, { stride: 1, ceil: true }), first);
    return s.chain(s.concat([pooled, second], { axis: 1 }), {
      stem3: convBnAct(c, mid, { kernel: 3, stride: 2 }),
      stem4: convBnAct(c, out),
    });
  };

/** A 1x1 convolution with an activation between pool and classifier. */
const classify =
  (c: HgNetConfig): HeadModule =>
  (s, x) => {
    const lab = c.use_lab ? learnedAffine : undefined;
    const preLogits = s.chain(x, {
      global_pool: globalPool2d(c.global_pool, true),
      last_conv: (t, y) => t.sequence(y, [conv2d(c.head_hidden_size), relu, lab]),
      flatten: c.global_pool === "" ? undefined : flatten,
    });
    return { preLogits, logits: s.chain(preLogits, { fc: fullyConnected(c.num_classes) }) };
  };

export default defineFamily({
  name: "hgnet",
  paper: "https://github.com/PaddlePaddle/PaddleClas",
  args,
  variants,
  refuse: (c, given) => {
    if (c.global_pool.endsWith("catavgmax"))
      return `global_pool=${c.global_pool}: the last convolution has no room for two pools`;
    return refuseFixed(c, given) ?? refuseUnpooled(c);
  },
  groups: (coarse) => [stemGroup(/stem/), blockGroup(coarse ? /stages\.(\d+)/ : /stages\.(\d+).blocks\.(\d+)/)],
  build: (s, input, c) => {
    const { design } = c;
    const stem = s.call("stem", design.version === 2 ? secondStem(c) : firstStem(c), input);
    const outputs: Value[] = [];
    const modules = design.stages.map((d) => stage(c, d));
    const x = s.call("stages", noting(modules, outputs), stem);
    const stages = outputs.map((value, i): Stage => {
      return { module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW" };
    });
    const head = callHead(s, "head", classify(c), x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
