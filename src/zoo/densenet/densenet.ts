/** DenseNet: Huang et al. 2016 (arXiv:1608.06993). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, firstStages } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { antiAlias } from "../layers/blur-pool.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import { avgPool, maxPool } from "../layers/pool.ts";
import type { Module, Scope } from "../scope.ts";
import { type DenseNetConfig, args } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const normOf = (c: DenseNetConfig): Module => normAct(c.norm_layer, c.act_layer);

/** BN-ReLU-Conv(1x1)-BN-ReLU-Conv(3x3), the bottleneck layer of section 3. */
const denseLayer =
  (c: DenseNetConfig): Module =>
  (s, x) =>
    s.chain(x, {
      norm1: normOf(c),
      conv1: conv2d(c.bn_size * c.growth_rate),
      norm2: normOf(c),
      conv2: conv2d(c.growth_rate, { kernel: 3, padding: 1 }),
    });

/** Every layer sees the block's input and what all layers before it gave: x_l = H_l([x_0, ..., x_(l-1)]) (eq. 2). */
const denseBlock =
  (c: DenseNetConfig, layers: number): Module =>
  (s, x) => {
    let all = x;
    for (let i = 1; i <= layers; i++) all = s.concat([all, s.call(`denselayer${i}`, denseLayer(c), all)], { axis: 1 });
    return all;
  };

/** Halves channels and resolution. */
const transition =
  (c: DenseNetConfig): Module =>
  (s, x) => {
    const width = Math.floor(s.channels(x) / 2);
    const blurs = c.aa_layer !== undefined && !c.aa_stem_only;
    const pool = blurs && c.aa_layer ? antiAlias(c.aa_layer, 2) : avgPool(2);
    return s.chain(x, { norm: normOf(c), conv: conv2d(width), pool });
  };

function stemPool({ aa_layer }: DenseNetConfig): Module {
  if (aa_layer === undefined) return maxPool(3, { stride: 2, padding: 1 });
  return (s, x) => s.sequence(x, [maxPool(3, { stride: 1, padding: 1 }), antiAlias(aa_layer, 2)]);
}

/** One 7x7 convolution, or three 3x3 ones, to twice the growth rate; the last norm's result is the first feature. */
function stem(s: Scope, x: Value, c: DenseNetConfig): Value {
  const { growth_rate: growth, stem_type: type } = c;
  const normalise = normOf(c);
  if (type === "") return s.chain(x, { conv0: conv2d(2 * growth, { kernel: 7, stride: 2 }), norm0: normalise });
  const quarter = Math.floor(growth / 4);
  const tiered = type.includes("tiered");
  const second = type.includes("narrow") ? 2 * growth : 6 * quarter;
  return s.chain(x, {
    conv0: conv2d(tiered ? 3 * quarter : growth, { kernel: 3, stride: 2 }),
    norm0: normalise,
    conv1: conv2d(tiered ? second : growth, { kernel: 3 }),
    norm1: normalise,
    conv2: conv2d(2 * growth, { kernel: 3 }),
    norm2: normalise,
  });
}

export default defineFamily({
  name: "densenet",
  paper: "https://arxiv.org/abs/1608.06993",
  args,
  variants,
  refuse: (c) => (c.block_config.length === 0 ? "block_config needs a block" : refuseUnpooled(c)),
  groups: (coarse) => {
    const first = stemGroup(/features\.(?:conv|norm|pool)[012]/);
    if (coarse) return [first, blockGroup(/features\.(?:denseblock|transition)(\d+)/)];
    return [
      first,
      blockGroup(/features\.denseblock(\d+)\.denselayer(\d+)/),
      blockGroup(/features\.transition(\d+)/, "last"),
    ];
  },
  remap: () => remap,
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const note = (module: string, value: Value, reduction: number): void => {
      stages.push({ module: `features.${module}`, value, reduction, format: "NCHW" });
    };
    const trunk: Module = (t, image) => {
      const first = stem(t, image, c);
      note(c.stem_type === "" ? "norm0" : "norm2", first, 2);
      let x = t.call("pool0", stemPool(c), first);
      for (const [i, layers] of c.block_config.entries()) {
        x = t.call(`denseblock${i + 1}`, denseBlock(c, layers), x);
        const last = i === c.block_config.length - 1;
        if (!last) note(`denseblock${i + 1}`, x, 4 * 2 ** i);
        x = last ? t.call("norm5", normOf(c), x) : t.call(`transition${i + 1}`, transition(c), x);
        if (last) note("norm5", x, 4 * 2 ** i);
      }
      return x;
    };
    const x = s.call("features", trunk, input);
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes, "classifier");
    const defaultStages = firstStages(5, stages);
    return {
      forwardFeatures: [x],
      preLogits: [head.preLogits],
      logits: [head.logits],
      stages,
      defaultStages,
      format: "NCHW",
    };
  },
});
