import { float, int } from "../attr.ts";
import { isStatic } from "../dim.ts";
import { type NdArray, ndarray } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { type TensorType, tensor } from "../type.ts";
import { attention } from "./attention.ts";

export const packed_attention = defineOp({
  name: "packed_attention",
  doc:
    "Attention of several heads whose channels lie side by side: q [B, N, H D], k [B, M, H D] and v [B, M, H E] give " +
    "[B, N, H E]; head h is attention of its D and E channels. The bias broadcasts to [B, H, N, M]. " +
    "C1 to C4: as attention, of [B, H, N, D] and so on. C5: rank 3, and heads divides the channels.",
  operands: ["q", "k", "v", "bias?"],
  attrs: { heads: int(), scale: float() },
  infer: ({ q, k, v, bias }, { heads, scale }) => {
    const apart = { q: split(q, heads), k: split(k, heads), v: split(v, heads), bias };
    const { dtype, shape } = attention.infer(apart, { scale });
    const [b = 0, , n = 0] = shape;
    return tensor(dtype, [b, n, v.shape[2] ?? 0]);
  },
  evaluate: ({ q, k, v, bias }, { heads, scale }, result) => {
    const [b = 1, n = 1, width = 1] = result.shape;
    const apart = { q: splitNumbers(q, heads), k: splitNumbers(k, heads), v: splitNumbers(v, heads), bias };
    const shape = [b, heads, n, width / heads];
    const out = attention.evaluate?.(apart, { scale }, { dtype: result.dtype, shape });
    return ndarray(result.dtype, result.shape, swapMiddle(out?.data ?? new Float64Array(), shape));
  },
  macs: ({ q, k, v }) => {
    const [b = 1, n = 1, d = 1] = q.shape;
    return b * n * (k.shape[1] ?? 1) * (d + (v.shape[2] ?? 1));
  },
});

/** [B, T, H D] as the type of [B, H, T, D]. */
function split({ dtype, shape }: TensorType, heads: number): TensorType {
  const [b, t, c] = shape;
  need(shape.length === 3 && b !== undefined && t !== undefined && c !== undefined, "C5", "q, k and v have rank 3");
  need(heads >= 1 && isStatic(c) && c % heads === 0, "C5", `${heads} heads do not divide the channels`);
  return tensor(dtype, [b, heads, t, c / heads]);
}

function splitNumbers({ dtype, shape, data }: NdArray, heads: number): NdArray {
  const [b = 1, t = 1, c = 1] = shape;
  return ndarray(dtype, [b, heads, t, c / heads], swapMiddle(data, [b, t, heads, c / heads]));
}

/** Row-major [A, B, C, D] as [A, C, B, D]. */
function swapMiddle(data: NdArray["data"], [a = 1, b = 1, c = 1, d = 1]: readonly number[]): Float64Array {
  const out = new Float64Array(a * b * c * d);
  for (let i = 0; i < a * b * c; i++) {
    const [x, y, z] = [Math.floor(i / (b * c)), Math.floor(i / c) % b, i % c];
    const to = ((x * c + z) * b + y) * d;
    for (let e = 0; e < d; e++) out[to + e] = data[i * d + e] as number;
  }
  return out;
}
