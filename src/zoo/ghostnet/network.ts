/** The network that GhostNet and RepGhost fill with their own blocks: MobileNetV3-like, pooled before the last convolution. */
import type { Value } from "../../ir/value.ts";
import { squeezeExcite as namedSqueezeExcite } from "../efficientnet/se-layer.ts";
import { type GlobalPool, type Model, type Stage, commonArgs, globalPool } from "../family.ts";
import { type GroupRule, blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { fullyConnected, refuseUnpooled } from "../layers/classifier.ts";
import { flatten } from "../layers/classifier-head.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { normAct } from "../layers/norm-act.ts";
import { globalPool2d } from "../layers/pool.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { dropRates, number, oneOf } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";

export const ghostArgs = {
  ...commonArgs,
  ...dropRates,
  output_stride: oneOf([32], 32, "the stride of the last stage: dilation is not supported"),
  global_pool: globalPool(),
  width: number(1, "multiplies the channels of every layer", { min: 0 }),
};

interface GhostConfig {
  readonly num_classes: number;
  readonly global_pool: GlobalPool;
  readonly width: number;
}

/** What timm refuses in these networks, or undefined. */
export function refuseGhost(c: GhostConfig, given: ReadonlySet<string>): string | undefined {
  if (given.has("width")) return "width: the architecture sets it, and timm refuses a second value";
  if (c.global_pool.endsWith("catavgmax"))
    return `global_pool=${c.global_pool} doubles the channels, and the last convolution takes those of the map`;
  return refuseUnpooled(c);
}

export const ghostGroups = (coarse: boolean): readonly GroupRule[] => [
  stemGroup(/conv_stem|bn1/),
  blockGroup(coarse ? /blocks\.(\d+)/ : /blocks\.(\d+)\.(\d+)/),
  blockGroup(/conv_head/, "last"),
];

/** Table 1 of GhostNet (arXiv:1911.11907): kernel, expanded and output channels, squeeze-excite ratio, stride. */
export type GhostRow = readonly [kernel: number, expanded: number, out: number, se: number, stride: number];

/** What one block needs to know of its place; channels are already scaled. */
export interface GhostPlace {
  /** Counted over all stages. */
  readonly index: number;
  readonly kernel: number;
  readonly mid: number;
  readonly out: number;
  readonly seRatio: number;
  readonly stride: number;
}

/** Squeeze-excite of a block, in steps of four channels; none at ratio 0. */
export const ghostSqueezeExcite = ({ mid, seRatio }: GhostPlace): Module | undefined =>
  seRatio > 0
    ? namedSqueezeExcite({ gate: "hard_sigmoid", round: (n) => makeDivisible(n, 4) })(mid, seRatio, "relu")
    : undefined;

/** The shortcut of a block that changes the shape: depthwise with the stride, then 1x1. */
export const ghostShortcut =
  ({ kernel, out, stride }: GhostPlace): Module =>
  (s, x) =>
    x.type.shape[1] === out && stride === 1
      ? x
      : s.sequence(x, [
          depthwise({ kernel, stride, padding: Math.floor((kernel - 1) / 2) }),
          batchNorm(),
          conv2d(out),
          batchNorm(),
        ]);

interface Design {
  readonly stages: readonly (readonly GhostRow[])[];
  readonly block: (place: GhostPlace) => Module;
  /** Channels of the last convolution on the map, over the expanded ones of the last block. */
  readonly lastFactor: number;
}

const headWidth = 1280;

export function buildGhostNetwork(s: Scope, input: Value, c: GhostConfig, design: Design): Model {
  const round = (channels: number): number => makeDivisible(channels * c.width, 4);
  const convStem = s.call("conv_stem", conv2d(round(16), { kernel: 3, stride: 2 }), input);
  const stages: Stage[] = [{ module: "conv_stem", value: convStem, reduction: 2, format: "NCHW" }];
  const stem = s.chain(convStem, { bn1: batchNorm(), act1: act("relu") });

  let index = 0;
  let reduction = 2;
  const trunk: Module = (t, y) => {
    let x = y;
    design.stages.forEach((rows, i) => {
      const blocks = rows.map(([kernel, expanded, out, seRatio, stride]) =>
        design.block({ index: index++, kernel, mid: round(expanded), out: round(out), seRatio, stride }),
      );
      x = t.call(i, (u, z) => u.sequence(z, blocks), x);
      const stride = rows.at(-1)?.[4] ?? 1;
      if (stride === 1) return;
      reduction *= 2;
      stages.push({ module: `blocks.${i}`, value: x, reduction, format: "NCHW" });
    });
    const last = round((design.stages.at(-1)?.at(-1)?.[1] ?? 0) * design.lastFactor);
    const convBnAct: Module = (u, z) =>
      u.chain(z, { conv: conv2d(last), bn1: normAct({ kind: "batchnorm2d" }, "relu") });
    return t.call(design.stages.length, (u, z) => u.sequence(z, [convBnAct]), x);
  };
  const features = s.call("blocks", trunk, stem);
  const pooled = s.chain(features, {
    global_pool: globalPool2d(c.global_pool, true),
    conv_head: conv2d(headWidth, { bias: true }),
    act2: act("relu"),
    flatten: c.global_pool === "" ? undefined : flatten,
  });
  const logits = s.chain(pooled, { classifier: fullyConnected(c.num_classes) });
  return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format: "NCHW" };
}
