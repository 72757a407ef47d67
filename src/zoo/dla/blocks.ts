import type { Value } from "../../ir/value.ts";
import { act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { multiScaleConv } from "../layers/multi-scale-conv.ts";
import { batchNorm } from "../layers/norm.ts";
import type { Module, Scope } from "../scope.ts";
import type { DlaConfig } from "./config.ts";

export const relu = act("relu");
export const normalise = batchNorm();

/** What a bottleneck has outside over inside, and the parts of one that goes from part to part. */
const expansion = 2;
const scale = 4;

const width = (c: DlaConfig, out: number): number =>
  Math.floor((Math.floor(out * (c.base_width / 64)) * c.cardinality) / expansion);

/** What a block computes before its shortcut is added. */
function residual(s: Scope, x: Value, c: DlaConfig, out: number, stride: number): Value {
  const inside = width(c, out);
  switch (c.block) {
    case "basic": {
      const y = s.chain(x, { conv1: conv2d(out, { kernel: 3, stride }), bn1: normalise, relu });
      return s.chain(y, { conv2: conv2d(out, { kernel: 3 }), bn2: normalise });
    }
    case "bottleneck": {
      const conv = conv2d(inside, { kernel: 3, stride, groups: c.cardinality });
      const y = s.chain(x, { conv1: conv2d(inside), bn1: normalise, relu });
      const z = s.chain(y, { conv2: conv, bn2: normalise, relu });
      return s.chain(z, { conv3: conv2d(out), bn3: normalise });
    }
    case "bottle2neck": {
      const y = s.chain(x, { conv1: conv2d(inside * scale), bn1: normalise, relu });
      const geometry = { stride, dilation: 1, groups: c.cardinality, alone: stride > 1 };
      const z = multiScaleConv(s, y, { ...geometry, scale, width: inside, norm: normalise, act: "relu" });
      return s.chain(z, { conv3: conv2d(out), bn3: normalise });
    }
    default:
      return c.block satisfies never;
  }
}

/** A residual block; its shortcut is the input itself where none is given. */
export const block =
  (c: DlaConfig, out: number, stride: number, shortcut?: Value): Module =>
  (s, x) =>
    s.call("relu", relu, s.add(residual(s, x, c, out, stride), shortcut ?? x));
