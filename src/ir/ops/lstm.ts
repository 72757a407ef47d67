import { oneOf } from "../attr.ts";
import { isStatic, printDim, printShape, sameDim } from "../dim.ts";
import { type NdArray, at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { activate } from "./activation.ts";
import { commonDType } from "./elementwise.ts";

const directions = ["forward", "bidirectional"] as const;

export const lstm = defineOp({
  name: "lstm",
  doc:
    "Long short-term memory over the steps of x [N, T, C], from states of zeros (Hochreiter and Schmidhuber 1997, with the " +
    "forget gates of Gers et al. 2000): gates = W x_t + R h + b, c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c). " +
    "The first of D directions goes from the first step to the last, the second of a bidirectional one from the last to the " +
    "first; [N, T, D H] has every step's h of each. weight [D, 4 H, C], recurrence [D, 4 H, H] and bias [D, 8 H], which is " +
    "that of W x and then that of R h, have the rows of the gates in ONNX's order: i, o, f, g. " +
    "C1: x has rank 3 and at least one step. C2: recurrence is [D, 4 H, H] with H at least 1, and D is 1, or 2 where bidirectional. " +
    "C3: weight is [D, 4 H, C]. C4: bias is [D, 8 H]. C5: equal element types.",
  operands: ["x", "weight", "recurrence", "bias?"],
  attrs: { direction: oneOf(directions) },
  infer: ({ x, weight, recurrence, bias }, { direction }) => {
    const [n, t, c] = x.shape;
    need(
      n !== undefined && t !== undefined && c !== undefined && x.shape.length === 3 && t !== 0,
      "C1",
      "x is [N, T, C]",
    );
    const [d, rows, h] = recurrence.shape;
    const expected = directions.indexOf(direction) + 1;
    need(
      d === expected && h !== undefined && isStatic(h) && h >= 1 && rows === 4 * h && recurrence.shape.length === 3,
      "C2",
      `recurrence ${printShape(recurrence.shape)} is not [${expected}, 4 H, H]`,
    );
    const [d2, rows2, c2 = 0] = weight.shape;
    need(
      d2 === d && rows2 === rows && sameDim(c2, c) && weight.shape.length === 3,
      "C3",
      `weight ${printShape(weight.shape)} is not [${d}, ${rows}, ${printDim(c)}]`,
    );
    need(
      bias === undefined || (bias.shape.length === 2 && bias.shape[0] === d && bias.shape[1] === 2 * rows),
      "C4",
      `bias is not [${d}, ${2 * rows}]`,
    );
    return tensor(commonDType([x, weight, recurrence, bias], "C5"), [n, t, d * h]);
  },
  evaluate: ({ x, weight, recurrence, bias }, _, result) => {
    const out = zeros(result.dtype, result.shape);
    const [sequences = 1] = x.shape;
    const [d = 1] = recurrence.shape;
    for (let direction = 0; direction < d; direction++)
      for (let sequence = 0; sequence < sequences; sequence++)
        follow({ x, weight, recurrence, bias }, direction, sequence, out.data);
    return out;
  },
  macs: ({ x, weight, recurrence }) => count(x.shape.slice(0, -1)) * (count(weight.shape) + count(recurrence.shape)),
});

interface Arrays {
  readonly x: NdArray;
  readonly weight: NdArray;
  readonly recurrence: NdArray;
  readonly bias: NdArray | undefined;
}

/** Runs one sequence in one direction, and writes its h of every step to [N, T, D, H]. */
function follow({ x, weight, recurrence, bias }: Arrays, direction: number, sequence: number, out: Float64Array): void {
  const [, steps = 1, inputs = 1] = x.shape;
  const [d = 1, rows = 4, hidden = 1] = recurrence.shape;
  const h = new Float64Array(hidden);
  const c = new Float64Array(hidden);
  const gates = new Float64Array(rows);
  for (let step = 0; step < steps; step++) {
    const t = sequence * steps + (direction === 0 ? step : steps - 1 - step);
    for (let r = 0; r < rows; r++) {
      const row = direction * rows + r;
      let sum = bias === undefined ? 0 : at(bias, row + direction * rows) + at(bias, row + (direction + 1) * rows);
      for (let i = 0; i < inputs; i++) sum += at(weight, row * inputs + i) * at(x, t * inputs + i);
      for (let i = 0; i < hidden; i++) sum += at(recurrence, row * hidden + i) * (h[i] as number);
      gates[r] = sum;
    }
    for (let k = 0; k < hidden; k++) {
      const gate = (place: 0 | 1 | 2 | 3): number => gates[place * hidden + k] as number;
      c[k] = sigmoid(gate(2)) * (c[k] as number) + sigmoid(gate(0)) * Math.tanh(gate(3));
      h[k] = sigmoid(gate(1)) * Math.tanh(c[k] as number);
      out[(t * d + direction) * hidden + k] = h[k] as number;
    }
  }
}

const sigmoid = (x: number): number => activate(x, "sigmoid", 0);
