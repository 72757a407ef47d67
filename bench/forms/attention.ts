import type { Constant, FormNode } from "./model.ts";
import { formFile, ints, numbers } from "./model.ts";
import { report } from "./race.ts";

/** Tokens, width, heads and images (windows) of an attention. */
type Shape = readonly [tokens: number, width: number, heads: number, images: number];

/** An attention block from tokens to tokens: one projection to q, k and v, heads, softmax, and the projection out. */
export async function run(): Promise<void> {
  for (const shape of [
    [197, 192, 3, 1],
    [197, 384, 6, 1],
    [49, 96, 3, 64],
    [49, 384, 12, 4],
  ] as const)
    await raceBlock(shape);
}

async function raceBlock([tokens, width, heads, images]: Shape): Promise<void> {
  const x = [images, tokens, width];
  const constants = constantsOf(tokens, width, heads);
  const form = (nodes: readonly FormNode[], opset = 17): Uint8Array =>
    formFile({ inputs: { x }, constants, nodes: [...projection, ...slices, ...nodes, ...out], opset, rank: 3 });
  const size = { q_num_heads: heads, kv_num_heads: heads };
  await report(
    `attention of ${heads} heads over ${tokens} tokens of ${width}, ${images} times`,
    {
      "MatMul, Softmax, MatMul": form([...split("q", [0, 2, 1, 3]), ...split("k", [0, 2, 3, 1]), ...composed]),
      "k transposed late": form([
        ...split("q", [0, 2, 1, 3]),
        ...split("k", [0, 2, 1, 3], "k_"),
        ["Transpose", ["k_h"], "kh", { perm: [0, 1, 3, 2] }],
        ...composed,
      ]),
      "Attention of opset 23, [N, T, C]": form([["Attention", ["q", "k", "v"], "o", size]], 23),
      "Attention of opset 23, heads apart": form(
        [
          ...split("q", [0, 2, 1, 3]),
          ...split("k", [0, 2, 1, 3]),
          ...split("v", [0, 2, 1, 3]),
          ["Attention", ["qh", "kh", "vh"], "oh"],
          ...merge,
        ],
        23,
      ),
      MultiHeadAttention: form([["com.microsoft::MultiHeadAttention", ["q", "k", "v"], "o", { num_heads: heads }]]),
    },
    { inputs: { x } },
  );
}

const projection: readonly FormNode[] = [
  ["MatMul", ["x", "w"], "m"],
  ["Add", ["m", "b"], "qkv"],
];
const slices: readonly FormNode[] = ["q", "k", "v"].map((name, i) => [
  "Slice",
  ["qkv", `at${i}`, `at${i + 1}`, "axis"],
  name,
]);
const split = (name: string, perm: readonly number[], to = name): readonly FormNode[] => [
  ["Reshape", [name, "split"], `${to}r`],
  ["Transpose", [`${to}r`], `${to}h`, { perm }],
];
const merge: readonly FormNode[] = [
  ["Transpose", ["oh"], "ot", { perm: [0, 2, 1, 3] }],
  ["Reshape", ["ot", "merge"], "o"],
];
const composed: readonly FormNode[] = [
  ...split("v", [0, 2, 1, 3]),
  ["Mul", ["qh", "scale"], "qs"],
  ["MatMul", ["qs", "kh"], "s"],
  ["Softmax", ["s"], "p", { axis: -1 }],
  ["MatMul", ["p", "vh"], "oh"],
  ...merge,
];
const out: readonly FormNode[] = [
  ["MatMul", ["o", "wo"], "po"],
  ["Add", ["po", "bo"], "y"],
];

const constantsOf = (tokens: number, width: number, heads: number): Readonly<Record<string, Constant>> => ({
  w: numbers([width, 3 * width], 0.05),
  b: numbers([3 * width], 0.1),
  wo: numbers([width, width], 0.05),
  bo: numbers([width], 0.1),
  scale: { dtype: "f32", dims: [], values: [(width / heads) ** -0.5] },
  at0: ints(0),
  at1: ints(width),
  at2: ints(2 * width),
  at3: ints(3 * width),
  axis: ints(2),
  split: ints(0, tokens, heads, width / heads),
  merge: ints(0, tokens, width),
});
