import type { FormNode } from "./model.ts";
import { formFile, ints, numbers, scalar } from "./model.ts";
import { report } from "./race.ts";

/** Tokens and width of perceptrons in vit (197), swin and convnext (squares). */
const sizes = [
  [3136, 96],
  [784, 192],
  [197, 192],
  [197, 384],
  [197, 768],
  [49, 768],
] as const;

type Activation = (from: string, to: string) => readonly FormNode[];

/** As timmc writes them at opset 17. */
const activations: Readonly<Record<string, Activation>> = {
  gelu: (from, to) => [
    ["Div", [from, "root2"], "g1"],
    ["Erf", ["g1"], "g2"],
    ["Add", ["g2", "one"], "g3"],
    ["Mul", [from, "g3"], "g4"],
    ["Mul", ["g4", "half"], to],
  ],
  gelu_tanh: (from, to) => [
    ["Pow", [from, "three"], "g1"],
    ["Mul", ["g1", "cubic"], "g2"],
    ["Add", [from, "g2"], "g3"],
    ["Mul", ["g3", "slope"], "g4"],
    ["Tanh", ["g4"], "g5"],
    ["Add", ["g5", "one"], "g6"],
    ["Mul", [from, "half"], "g7"],
    ["Mul", ["g7", "g6"], to],
  ],
  silu: (from, to) => [
    ["Sigmoid", [from], "g1"],
    ["Mul", [from, "g1"], to],
  ],
};

const numbersOfActivations = {
  root2: scalar(Math.SQRT2),
  one: scalar(1),
  half: scalar(0.5),
  three: scalar(3),
  cubic: scalar(0.044715),
  slope: scalar(Math.sqrt(2 / Math.PI)),
};

/**
 * W2 act(W1 x + b1) + b2 + x over tokens, as products and as convolutions of one pixel with the channels in front. The
 * convolutions win where ONNX Runtime keeps the activation on their blocked layout: gelu and silu, not gelu_tanh.
 */
export async function run(): Promise<void> {
  for (const [name, activation] of Object.entries(activations))
    for (const [tokens, width] of sizes) await perceptron(name, activation, tokens, width);
}

async function perceptron(name: string, activation: Activation, tokens: number, width: number): Promise<void> {
  const [shape, hidden] = [[1, tokens, width], 4 * width];
  const constants = {
    ...numbersOfActivations,
    w1: numbers([width, hidden], 0.05),
    w2: numbers([hidden, width], 0.05),
    b1: numbers([hidden], 0.1),
    b2: numbers([width], 0.1),
    k1: transposed(numbers([width, hidden], 0.05)),
    k2: transposed(numbers([hidden, width], 0.05)),
    pixels: ints(0, tokens, 1, width),
    tokens: ints(0, tokens, width),
  };
  const form = (nodes: readonly FormNode[]): Uint8Array => {
    const used = new Set(nodes.flatMap(([, inputs]) => inputs));
    const kept = Object.fromEntries(Object.entries(constants).filter(([key]) => used.has(key)));
    return formFile({ inputs: { x: shape }, constants: kept, nodes, rank: 3 });
  };
  await report(
    `perceptron with ${name} of ${tokens} tokens of ${width}`,
    {
      "MatMul, Add": form([
        ["MatMul", ["x", "w1"], "m1"],
        ["Add", ["m1", "b1"], "h"],
        ...activation("h", "a"),
        ["MatMul", ["a", "w2"], "m2"],
        ["Add", ["m2", "b2"], "o"],
        ["Add", ["o", "x"], "y"],
      ]),
      "Transpose, Conv, Conv, Transpose": form([
        ["Reshape", ["x", "pixels"], "p"],
        ["Transpose", ["p"], "t", { perm: [0, 3, 1, 2] }],
        ["Conv", ["t", "k1", "b1"], "h"],
        ...activation("h", "a"),
        ["Conv", ["a", "k2", "b2"], "c"],
        ["Transpose", ["c"], "u", { perm: [0, 2, 3, 1] }],
        ["Reshape", ["u", "tokens"], "o"],
        ["Add", ["o", "x"], "y"],
      ]),
    },
    { inputs: { x: shape }, rounds: tokens * width > 100_000 ? 20 : 60 },
  );
}

/** A matrix [I, O] as the kernel [O, I, 1, 1]. */
function transposed({
  dims: [rows = 1, columns = 1],
  ...rest
}: ReturnType<typeof numbers>): ReturnType<typeof numbers> {
  const values = Array.from(
    { length: rows * columns },
    (_, i) => rest.values[(i % rows) * columns + Math.floor(i / rows)] ?? 0,
  );
  return { ...rest, dims: [columns, rows, 1, 1], values };
}
