import { axes, bool } from "../attr.ts";
import { at, zeros } from "../ndarray.ts";
import { type OpSpec, defineOp, need } from "../op.ts";
import { tensor } from "../type.ts";
import { broadcastStrides } from "./elementwise.ts";

const attrs = { axes: axes(), keep: bool(false) };

/** A reduction over axes. `step` folds an element into the accumulator, `finish` sees how many were folded. */
export const reduction = <const Name extends string>(
  name: Name,
  doc: string,
  start: number,
  step: (sum: number, x: number) => number,
  finish: (sum: number, n: number) => number = (sum) => sum,
): OpSpec<Name, readonly ["x"], typeof attrs> =>
  defineOp({
    name,
    doc: `${doc} keep leaves the reduced axes with extent 1. C1: axes exist and are distinct.`,
    operands: ["x"],
    attrs,
    infer: ({ x }, { axes, keep }) => {
      const valid =
        axes.length > 0 && new Set(axes).size === axes.length && axes.every((a) => a >= 0 && a < x.shape.length);
      need(valid, "C1", `axes [${axes.join(",")}] of rank ${x.shape.length}`);
      return tensor(
        x.dtype,
        keep ? x.shape.map((d, i) => (axes.includes(i) ? 1 : d)) : x.shape.filter((_, i) => !axes.includes(i)),
      );
    },
    evaluate: ({ x }, { axes }, result) => {
      const out = zeros(result.dtype, result.shape);
      out.data.fill(start);
      const steps = broadcastStrides(
        x.shape.map((d, i) => (axes.includes(i) ? 1 : d)),
        x.shape,
      );
      const index = x.shape.map(() => 0);
      let target = 0;
      for (let i = 0; i < x.data.length; i++) {
        out.data[target] = step(out.data[target] as number, at(x, i));
        target = advance(index, x.shape, steps, target);
      }
      const n = axes.reduce((p, a) => p * (x.shape[a] ?? 1), 1);
      for (let i = 0; i < out.data.length; i++) out.data[i] = finish(out.data[i] as number, n);
      return out;
    },
  });

/** Moves an odometer over `shape` one step; gives where the accumulator of its new place is, from where the last one was. */
function advance(index: number[], shape: readonly number[], steps: readonly number[], target: number): number {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const [i, step, extent] = [(index[axis] ?? 0) + 1, steps[axis] ?? 0, shape[axis] ?? 1];
    index[axis] = i < extent ? i : 0;
    if (i < extent) return target + step;
    target -= step * (extent - 1);
  }
  return target;
}
