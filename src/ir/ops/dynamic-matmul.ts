import { sameDim } from "../dim.ts";
import { type NdArray, at, ndarray, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, printType, tensor } from "../type.ts";
import { roundHalfEven, saturate } from "./quantize.ts";

export const dynamic_matmul = defineOp({
  name: "dynamic_matmul",
  doc:
    "x [..., K] times the quantised weight [K, P] times scale [P] or []: x is rounded to 256 steps between the least and " +
    "the greatest of its own numbers and 0 (DynamicQuantizeLinear), and the products are summed as integers. " +
    "C1: x and scale are f32, the weight i8. C2: K agrees. C3: the scale is one number or one per column.",
  operands: ["x", "weight", "scale"],
  attrs: {},
  infer: ({ x, weight, scale }) => {
    const [k, p] = weight.shape;
    const last = x.shape.at(-1);
    need(x.dtype === "f32" && scale.dtype === "f32" && weight.dtype === "i8", "C1", `${x.dtype} times ${weight.dtype}`);
    need(k !== undefined && p !== undefined && weight.shape.length === 2, "C2", "weight must be [K, P]");
    need(
      last !== undefined && x.shape.length >= 2 && sameDim(last, k),
      "C2",
      `${printType(x)} times ${printType(weight)}`,
    );
    const fits = scale.shape.length === 0 || (scale.shape.length === 1 && sameDim(scale.shape[0] ?? 0, p));
    need(fits, "C3", `a scale ${printType(scale)}`);
    return tensor(x.dtype, [...x.shape.slice(0, -1), p]);
  },
  evaluate: ({ x, weight, scale }, _, result) => {
    const out = zeros(result.dtype, result.shape);
    const steps = dynamicSteps(x);
    const [k = 1, p = 1] = weight.shape;
    for (let row = 0; row < x.data.length / k; row++)
      for (let c = 0; c < p; c++) {
        let sum = 0;
        for (let i = 0; i < k; i++) sum += (steps.x.data[row * k + i] as number) * (weight.data[i * p + c] as number);
        out.data[row * p + c] = sum * steps.scale * at(scale, scale.shape.length === 0 ? 0 : c);
      }
    return out;
  },
  macs: ({ weight }, _, result) => count(result.shape) * (weight.shape[0] ?? 1),
});

/** x as whole steps from its zero point, and the size of a step: DynamicQuantizeLinear, in the float32 numbers of its text. */
function dynamicSteps(x: NdArray): { readonly x: NdArray; readonly scale: number } {
  const f = Math.fround;
  let [low, high] = [0, 0];
  for (const v of x.data) {
    low = Math.min(low, f(v));
    high = Math.max(high, f(v));
  }
  const scale = low === high ? 1 : f(f(high - low) / 255);
  const zeroPoint = roundHalfEven(saturate(f(-low / scale), "u8"));
  const data = new Float64Array(x.data.length);
  for (let i = 0; i < data.length; i++)
    data[i] = saturate(roundHalfEven(f((x.data[i] as number) / scale)) + zeroPoint, "u8") - zeroPoint;
  return { x: ndarray(x.dtype, x.shape, data), scale };
}
