/** What the searched cells are made of: Zoph et al. 2017 (arXiv:1707.07012), Liu et al. 2017 (arXiv:1712.00559). */
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { act } from "./act.ts";
import { convNormAct } from "./conv-norm-act.ts";
import { conv2d, depthwise } from "./conv.ts";
import { batchNorm } from "./norm.ts";
import { avgPool, maxPool } from "./pool.ts";

const relu = act("relu");
const eps = 1e-3;
export const nasNorm = batchNorm(eps);

/** The first layer: a convolution without padding and without activation. */
export const nasStem = (width: number): Module =>
  convNormAct(width, { kernel: 3, stride: 2, padding: 0, norm: { kind: "batchnorm", eps }, act: undefined });

/** Activation, 1x1 convolution, norm; `note` sees what the activation gives. */
export const actConvBn =
  (out: number, stride = 1, note?: (active: Value) => void): Module =>
  (s, x) => {
    const active = s.call("act", relu, x);
    note?.(active);
    return s.chain(active, { conv: conv2d(out, { stride, padding: "same" }), bn: nasNorm });
  };

const separable =
  (out: number, kernel: number, stride: number): Module =>
  (s, x) =>
    s.chain(x, {
      depthwise_conv2d: depthwise({ kernel, stride, padding: "same" }),
      pointwise_conv2d: conv2d(out, { padding: 0 }),
    });

/** Two separable convolutions; where the width changes, which only stems do, the first one changes it. */
export const branchSeparables =
  (out: number, kernel: number, stride = 1): Module =>
  (s, x) =>
    s.chain(x, {
      act_1: relu,
      separable_1: separable(out, kernel, stride),
      bn_sep_1: nasNorm,
      act_2: relu,
      separable_2: separable(out, kernel, 1),
      bn_sep_2: nasNorm,
    });

/** Halves a map by two 1x1 convolutions over its even and its odd positions, half of the channels each. */
export const factorizedReduction =
  (out: number): Module =>
  (s, x) => {
    const half = Math.floor(out / 2);
    const active = s.call("act", relu, x);
    const shifted: Module = (t, y) => t.pad(y, { padding: [0, 0, -1, -1, 0, 0, 1, 1] });
    const every = { avgpool: avgPool(1, { stride: 2 }), conv: conv2d(half) };
    const even = s.call("path_1", (t, y) => t.chain(y, every), active);
    const odd = s.call("path_2", (t, y) => t.chain(y, { pad: shifted, ...every }), active);
    return s.call("final_path_bn", nasNorm, s.concat([even, odd], { axis: 1 }));
  };

export const nasMax = (stride: number): Module => maxPool(3, { stride, padding: stride === 1 ? 1 : "same" });

/** timm's SAME pool of a stride pads before it pools, so that its zeros count; that of stride 1 leaves them out. */
export const nasAvg = (stride: number): Module =>
  stride === 1 ? avgPool(3, { stride, padding: 1, countPad: false }) : avgPool(3, { stride, padding: "same" });

/** The left or right layer of a combination. */
export const combine = (s: Scope, index: number, side: "left" | "right", layer: Module, x: Value): Value =>
  s.call(`comb_iter_${index}_${side}`, layer, x);
