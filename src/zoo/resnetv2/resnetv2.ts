/** Pre-activation ResNet: He et al. 2016 (arXiv:1603.05027), and Big Transfer with standardised weights and group norm. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { noting } from "../layers/block-stages.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { normAct } from "../layers/norm-act.ts";
import { maxPool } from "../layers/pool.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { stageStrides } from "../layers/stage-strides.ts";
import type { Module } from "../scope.ts";
import { bottleneck, convOf, preActBasic, preActBottleneck } from "./blocks.ts";
import { type ResNetV2Config, args } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const isDeep = (c: ResNetV2Config): boolean => /deep|tiered/.test(c.stem_type);

const zeros: Module = (s, x) => s.pad(x, { padding: [0, 0, 1, 1, 0, 0, 1, 1] });

/** The first feature is that of the last convolution, or of the norm behind it where blocks are not pre-activated. */
const stem =
  (c: ResNetV2Config, note: (feature: Value) => void): Module =>
  (s, x) => {
    const width = makeDivisible(c.stem_chs * c.width_factor);
    const normalise = normAct(c.norm_layer, c.act_layer);
    const last = c.preact ? undefined : normalise;
    const tier = c.stem_type === "tiered" ? Math.floor((3 * width) / 8) : Math.floor(width / 2);
    const feature = isDeep(c)
      ? s.chain(x, {
          conv1: convOf(c, tier, { kernel: 3, stride: 2 }),
          norm1: normalise,
          conv2: convOf(c, Math.floor(width / 2), { kernel: 3 }),
          norm2: normalise,
          conv3: convOf(c, width, { kernel: 3 }),
          norm3: last,
        })
      : s.chain(x, { conv: convOf(c, width, { kernel: 7, stride: 2 }), norm: last });
    note(feature);
    const fixed = c.stem_type.includes("fixed");
    const padding = fixed ? 0 : c.stem_type.includes("same") ? "same" : 1;
    return s.chain(feature, { pad: fixed ? zeros : undefined, pool: maxPool(3, { stride: 2, padding }) });
  };

function stemStage(c: ResNetV2Config, value: Value): Stage {
  const stage = { value, reduction: 2, format: "NCHW" } as const;
  if (c.preact) return { ...stage, module: isDeep(c) ? "stem.conv3" : "stem.conv" };
  const refused = "timm looks for stem.norm, which a deep stem does not have";
  return { ...stage, module: "stem.norm", ...(isDeep(c) ? { refused } : {}) };
}

export default defineFamily({
  name: "resnetv2",
  paper: "https://arxiv.org/abs/1603.05027",
  args,
  variants,
  refuse: (c, given) => {
    if (c.basic && !c.preact) return "basic blocks need preact=true";
    return refuseFixed(c, given);
  },
  groups: (coarse) =>
    coarse
      ? [stemGroup(/stem/), blockGroup(/stages\.(\d+)/)]
      : [stemGroup(/stem/), blockGroup(/stages\.(\d+)\.blocks\.(\d+)/), blockGroup(/norm/, "last")],
  remap: () => remap,
  build: (s, input, c) => {
    let feature = input;
    const pooled = s.call(
      "stem",
      stem(c, (value) => (feature = value)),
      input,
    );
    const block = c.preact ? (c.basic ? preActBasic : preActBottleneck) : bottleneck;
    const final = c.preact ? { path: "norm", module: normAct(c.norm_layer, c.act_layer) } : undefined;
    const stages: Stage[] = [stemStage(c, feature)];
    const strides = stageStrides([1, 2, 2, 2], 4, c.output_stride);
    const modules = strides.map(({ stride, dilation, firstDilation }, i): Module => {
      const out = makeDivisible((c.channels[i] ?? 0) * c.width_factor);
      const blocks = Array.from({ length: c.layers[i] ?? 0 }, (_, j) => {
        const first = j === 0;
        const place = { out, dilation, first, stride: first ? stride : 1 };
        return block(c, { ...place, firstDilation: first ? firstDilation : dilation });
      });
      return (t, y) => t.call("blocks", (u, z) => u.sequence(z, blocks), y);
    });
    const outputs: Value[] = [];
    const x = s.call("stages", noting(modules, outputs), pooled);
    outputs.forEach((value, i) => {
      const intermediate = normedAtEnd(s, value, i === 3 ? final : undefined);
      const reduction = strides[i]?.reduction ?? 0;
      stages.push({ module: `stages.${i}`, value, reduction, format: "NCHW", intermediate });
    });
    const features = s.chain(x, { norm: final?.module });
    const classify = classifierHead({ classes: c.num_classes, pool: c.global_pool, conv: true });
    const head = callHead(s, "head", classify, features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
