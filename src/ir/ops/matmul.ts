import { printDim, sameDim } from "../dim.ts";
import { type NdArray, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { broadcastShapes, broadcastStrides, commonDType } from "./elementwise.ts";
import { unravel } from "./conv.ts";

export const matmul = defineOp({
  name: "matmul",
  doc: "x [..., M, K] times y [..., K, P]; leading axes broadcast. C1: equal element types. C2: leading axes broadcast. C3: K agrees, ranks are at least 2.",
  operands: ["x", "y"],
  attrs: {},
  infer: ({ x, y }) => {
    const dtype = commonDType([x, y]);
    const [m, k] = x.shape.slice(-2);
    const [k2, p] = y.shape.slice(-2);
    need(
      m !== undefined && k !== undefined && k2 !== undefined && p !== undefined,
      "C3",
      "operands need rank 2 or more",
    );
    need(sameDim(k, k2), "C3", `inner extents ${printDim(k)} and ${printDim(k2)} differ`);
    return tensor(dtype, [...broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2)), m, p]);
  },
  evaluate: ({ x, y }, _, result) => batchedMatmul(x, y, result.shape, zeros(result.dtype, result.shape)),
  macs: ({ x }, _, result) => count(result.shape) * (x.shape.at(-1) ?? 1),
});

/** Writes x y into `out`, whose shape has the broadcast leading axes. */
function batchedMatmul(
  x: NdArray,
  y: NdArray,
  shape: readonly number[],
  out: NdArray & { readonly data: Float64Array },
): NdArray {
  const lead = shape.slice(0, -2);
  const [m = 1, p = 1] = shape.slice(-2);
  const k = x.shape.at(-1) ?? 1;
  const stepX = broadcastStrides(x.shape.slice(0, -2), lead);
  const stepY = broadcastStrides(y.shape.slice(0, -2), lead);
  for (let b = 0; b < count(lead); b++) {
    const index = unravel(b, lead);
    const ox = index.reduce((n, i, d) => n + i * (stepX[d] ?? 0), 0) * m * k;
    const oy = index.reduce((n, i, d) => n + i * (stepY[d] ?? 0), 0) * k * p;
    for (let i = 0; i < m; i++)
      for (let j = 0; j < k; j++) {
        const v = x.data[ox + i * k + j] as number;
        const row = (b * m + i) * p;
        for (let c = 0; c < p; c++)
          out.data[row + c] = (out.data[row + c] as number) + v * (y.data[oy + j * p + c] as number);
      }
  }
  return out;
}
