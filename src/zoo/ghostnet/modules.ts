/** Ghost modules: half of the channels by a convolution, the other half by a cheap depthwise one of these. */
import type { Value } from "../../ir/value.ts";
import { act } from "../layers/act.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { normAct } from "../layers/norm-act.ts";
import { avgPool } from "../layers/pool.ts";
import type { Module, Scope } from "../scope.ts";

interface GhostOptions {
  /** Channels out, an even number. */
  readonly out: number;
  readonly act: boolean;
  /** Scales the result by attention of the decoupled fully connected kind (V2), or of V3's shortcut. */
  readonly gated: boolean;
}

/** Whole rows, then whole columns, of a map of half the size: a gate for every position (Tang et al. 2022, fig. 4). */
function gate(s: Scope, x: Value, like: Value, out: number): Value {
  const half = avgPool(2)(s, x);
  const mixed = s.call(
    "short_conv",
    (t, y) =>
      t.sequence(y, [
        conv2d(out),
        batchNorm(),
        depthwise({ kernel: [1, 5], padding: [0, 2] }),
        batchNorm(),
        depthwise({ kernel: [5, 1], padding: [2, 0] }),
        batchNorm(),
      ]),
    half,
  );
  const [, , h = 1, w = 1] = like.type.shape;
  const open = s.activation(mixed, { kind: "sigmoid" });
  return s.resize(open, { axes: [2, 3], size: [h, w], mode: "nearest" });
}

const finish = (s: Scope, x: Value, halves: readonly Value[], { out, gated }: GhostOptions): Value => {
  const y = s.concat(halves, { axis: 1 });
  return gated ? s.mul(y, gate(s, x, y, out)) : y;
};

/** GhostNet (arXiv:1911.11907), fig. 1 (b); V2 (2211.12905) gates it. */
export const ghostModule =
  (o: GhostOptions): Module =>
  (s, x) => {
    const relu = o.act ? act("relu") : undefined;
    const half = s.call("primary_conv", (t, y) => t.sequence(y, [conv2d(o.out / 2), batchNorm(), relu]), x);
    const cheap = s.call(
      "cheap_operation",
      (t, y) => t.sequence(y, [depthwise({ kernel: 3 }), batchNorm(), relu]),
      half,
    );
    return finish(s, x, [half, cheap], o);
  };

const branches = 3;

/** timm's ConvBnAct without an activation. */
export const namedConvBn =
  (conv: Module): Module =>
  (s, x) =>
    s.chain(x, { conv, bn1: normAct({ kind: "batchnorm2d" }, undefined) });

/** The sum of a list of equal branches, added to `first` in order. */
export function addBranches(s: Scope, name: string, branch: Module, x: Value, first?: Value): Value {
  let sum = first;
  for (let i = 0; i < branches; i++) {
    const y = s.at(name).call(i, branch, x);
    sum = sum === undefined ? y : s.add(sum, y);
  }
  return sum ?? x;
}

/** GhostNetV3 (arXiv:2404.11202), fig. 3: every convolution is the sum of parallel ones, which training needed. */
export const ghostModuleV3 =
  (o: GhostOptions): Module =>
  (s, x) => {
    const relu = o.act ? act("relu") : undefined;
    const dense = addBranches(s, "primary_rpr_conv", namedConvBn(conv2d(o.out / 2)), x);
    const half = s.chain(dense, { primary_activation: relu });
    const scale = s.call("cheap_rpr_scale", namedConvBn(depthwise()), half);
    const both = s.add(scale, s.call("cheap_rpr_skip", batchNorm(), half));
    const sum = addBranches(s, "cheap_rpr_conv", namedConvBn(depthwise({ kernel: 3 })), half, both);
    return finish(s, x, [half, s.chain(sum, { cheap_activation: relu })], o);
  };
