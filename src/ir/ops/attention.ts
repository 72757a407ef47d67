import { float } from "../attr.ts";
import { printDim, sameDim, sameShape } from "../dim.ts";
import { zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { broadcastShapes, broadcastStrides, commonDType } from "./elementwise.ts";
import { unravel } from "./conv.ts";

export const attention = defineOp({
  name: "attention",
  doc:
    "Scaled dot-product attention: softmax(q k^T scale + bias) v, with q [..., N, D], k [..., M, D], v [..., M, E] and " +
    "a bias that broadcasts to [..., N, M] (Vaswani et al. 2017, eq. 1). " +
    "C1: equal element types. C2: leading axes of q, k, v are equal. C3: D and M agree. C4: the bias broadcasts to [..., N, M].",
  operands: ["q", "k", "v", "bias?"],
  attrs: { scale: float() },
  infer: ({ q, k, v, bias }) => {
    const dtype = commonDType([q, k, v, bias]);
    const [n, d] = q.shape.slice(-2);
    const [m, d2] = k.shape.slice(-2);
    const [m2, e] = v.shape.slice(-2);
    need(
      n !== undefined && d !== undefined && m !== undefined && d2 !== undefined && m2 !== undefined && e !== undefined,
      "C3",
      "rank 2 or more",
    );
    const lead = q.shape.slice(0, -2);
    need(sameShape(lead, k.shape.slice(0, -2)) && sameShape(lead, v.shape.slice(0, -2)), "C2", "leading axes differ");
    need(
      sameDim(d, d2) && sameDim(m, m2),
      "C3",
      `q, k, v do not agree: D ${printDim(d)} and ${printDim(d2)}, M ${printDim(m)} and ${printDim(m2)}`,
    );
    const scores = [...lead, n, m];
    need(
      bias === undefined || sameShape(broadcastShapes(bias.shape, scores), scores),
      "C4",
      "the bias does not broadcast to the scores",
    );
    return tensor(dtype, [...lead, n, e]);
  },
  evaluate: ({ q, k, v, bias }, { scale }, result) => {
    const out = zeros(result.dtype, result.shape);
    const lead = q.shape.slice(0, -2);
    const [n = 1, d = 1] = q.shape.slice(-2);
    const [m = 1, e = 1] = v.shape.slice(-2);
    const row = new Float64Array(m);
    const step = bias ? broadcastStrides(bias.shape, [...lead, n, m]) : [];
    for (let b = 0; b < count(lead); b++) {
      const index = unravel(b, lead);
      for (let i = 0; i < n; i++) {
        const from = [...index, i].reduce((sum, at, axis) => sum + at * (step[axis] ?? 0), 0);
        for (let j = 0; j < m; j++) {
          let s = 0;
          for (let c = 0; c < d; c++)
            s += (q.data[(b * n + i) * d + c] as number) * (k.data[(b * m + j) * d + c] as number);
          row[j] = s * scale + (bias ? (bias.data[from + j * (step.at(-1) ?? 0)] as number) : 0);
        }
        softmaxRow(row);
        for (let j = 0; j < m; j++)
          for (let c = 0; c < e; c++) {
            const at = (b * n + i) * e + c;
            out.data[at] = (out.data[at] as number) + (row[j] as number) * (v.data[(b * m + j) * e + c] as number);
          }
      }
    }
    return out;
  },
  macs: ({ q, k, v }) =>
    count(q.shape) * (k.shape.at(-2) ?? 1) + count(q.shape.slice(0, -1)) * count(v.shape.slice(-2)),
});

/** Softmax of one row in place, shifted by its maximum. */
export function softmaxRow(row: Float64Array): void {
  const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < row.length; i++) {
    row[i] = Math.exp((row[i] as number) - top);
    sum += row[i] as number;
  }
  for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) / sum;
}
