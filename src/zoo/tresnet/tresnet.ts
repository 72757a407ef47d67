/** TResNet: Ridnik et al. 2020 (arXiv:2003.13630), a ResNet for the throughput of GPUs. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { avgDown } from "../layers/avg-down.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { spaceToDepth } from "../layers/space-to-depth.ts";
import type { Module } from "../scope.ts";
import { type TResNetConfig, args } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

interface Place {
  readonly planes: number;
  readonly stride: number;
  /** Squeeze-excite, which the last stage goes without. */
  readonly se: boolean;
  readonly shortcut: Module | undefined;
}

const norm = { kind: "batchnorm" } as const;

/** The slope of the blocks; the stem has the usual one. */
const leaky: Module = (s, x) => s.activation(x, { kind: "leaky_relu", alpha: 1e-3 });

const linear = (out: number, kernel = 1): Module => convNormAct(out, { kernel, norm, act: undefined });
const active = (out: number, kernel: number, stride = 1): Module =>
  convNormAct(out, { kernel, stride, norm, act: leaky, aa: "blur" });

const basicBlock =
  (p: Place): Module =>
  (s, x) => {
    const shortcut = s.chain(x, { downsample: p.shortcut });
    const width = Math.max(Math.floor(p.planes / 4), 64);
    const y = s.chain(x, {
      conv1: active(p.planes, 3, p.stride),
      conv2: linear(p.planes, 3),
      se: p.se ? squeezeExcite({ width }) : undefined,
    });
    return s.call("act", act("relu"), s.add(y, shortcut));
  };

const bottleneck =
  (p: Place): Module =>
  (s, x) => {
    const shortcut = s.chain(x, { downsample: p.shortcut });
    const width = Math.max(Math.floor((4 * p.planes) / 8), 64);
    const y = s.chain(x, {
      conv1: active(p.planes, 1),
      conv2: active(p.planes, 3, p.stride),
      se: p.se ? squeezeExcite({ width }) : undefined,
      conv3: linear(4 * p.planes),
    });
    return s.call("act", act("relu"), s.add(y, shortcut));
  };

const kinds = { basic: { block: basicBlock, expansion: 1 }, bottleneck: { block: bottleneck, expansion: 4 } } as const;

/** Stage i, from 0: basic blocks in the first two, unless the network is of version 2. */
const stage =
  (c: TResNetConfig, i: number, planes: number): Module =>
  (s, x) => {
    const { block, expansion } = kinds[i < 2 && !c.v2 ? "basic" : "bottleneck"];
    const stride = i === 0 ? 1 : 2;
    const out = planes * expansion;
    const pool = avgDown(stride, 1);
    const project: Module = (t, y) => t.sequence(y, [...(pool ? [pool] : []), linear(out)]);
    const changes = stride !== 1 || x.type.shape[1] !== out;
    const blocks = Array.from({ length: c.layers[i] ?? 0 }, (_, j) => {
      const first = j === 0;
      return block({ planes, se: i < 3, stride: first ? stride : 1, shortcut: first && changes ? project : undefined });
    });
    return s.sequence(x, blocks);
  };

export default defineFamily({
  name: "tresnet",
  paper: "https://arxiv.org/abs/2003.13630",
  args,
  variants,
  lastStages: 4,
  refuse: (c) => (c.v2 && 64 * c.width_factor < 8 ? "width_factor leaves no channels" : refuseUnpooled(c)),
  groups: (coarse) => [stemGroup(/body\.conv1/), blockGroup(coarse ? /body\.layer(\d+)/ : /body\.layer(\d+)\.(\d+)/)],
  remap: () => remap,
  build: (s, input, c) => {
    const width = Math.trunc(64 * c.width_factor);
    const planes = c.v2 ? Math.floor(width / 8) * 8 : width;
    const stages: Stage[] = [];
    const trunk: Module = (t, image) => {
      const stem = convNormAct(planes, { kernel: 3, norm, act: "leaky_relu" });
      let x: Value = t.chain(image, { s2d: spaceToDepth(4), conv1: stem });
      const refused = "timm states no module for it";
      stages.push({ module: "", value: x, reduction: 2, format: "NCHW", refused });
      for (const i of [0, 1, 2, 3]) {
        x = t.call(`layer${i + 1}`, stage(c, i, planes * 2 ** i), x);
        stages.push({ module: `body.layer${i + 1}`, value: x, reduction: 4 * 2 ** i, format: "NCHW" });
      }
      return x;
    };
    const x = s.call("body", trunk, input);
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
