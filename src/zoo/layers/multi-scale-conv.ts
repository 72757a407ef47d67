import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { type Act, act } from "./act.ts";
import { conv2d } from "./conv.ts";
import { avgPool } from "./pool.ts";
import { split } from "./split.ts";

interface MultiScaleOptions {
  /** Parts, and channels of each. */
  readonly scale: number;
  readonly width: number;
  readonly stride: number;
  readonly dilation: number;
  readonly groups: number;
  /** The parts do not see each other, and the last one is pooled: a block that changes the shape. */
  readonly alone: boolean;
  readonly norm: Module;
  readonly act: Act;
}

/**
 * The middle of a Res2Net block (Gao et al. 2019, arXiv:1904.01169, fig. 2b) on [N, scale width, H, W]: part i passes a
 * 3x3 convolution together with the result of part i - 1; the last one passes as it is. Children are `convs`, `bns` and the
 * block's `relu`.
 */
export function multiScaleConv(s: Scope, x: Value, o: MultiScaleOptions): Value {
  const { scale, width, stride, dilation, groups, alone } = o;
  const conv = conv2d(width, { kernel: 3, stride, padding: dilation, dilation, groups });
  const parts = split(s, x, Array<number>(scale).fill(width), 1);
  const mixed: Value[] = [];
  for (const [i, part] of parts.slice(0, Math.max(1, scale - 1)).entries()) {
    const before = mixed.at(-1);
    const y = alone || before === undefined ? part : s.add(before, part);
    const z = s.at("bns").call(i, o.norm, s.at("convs").call(i, conv, y));
    mixed.push(s.call("relu", act(o.act), z));
  }
  const last = parts.at(-1) ?? x;
  const pool = avgPool(3, { stride, padding: 1 });
  const rest = scale === 1 ? [] : [alone ? s.call("pool", pool, last) : last];
  return s.concat([...mixed, ...rest], { axis: 1 });
}
