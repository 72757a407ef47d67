import type { FormNode } from "./model.ts";
import { floats, formFile, scalar } from "./model.ts";
import { report } from "./race.ts";

/** u = 1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)). */
const tanhPlusOne: readonly FormNode[] = [
  ["Pow", ["x", "three"], "p"],
  ["Mul", ["p", "cubic"], "c"],
  ["Add", ["x", "c"], "a"],
  ["Mul", ["a", "slope"], "s"],
  ["Tanh", ["s"], "t"],
  ["Add", ["t", "one"], "u"],
];

/** gelu(x) = x (1 + erf(x / sqrt 2)) / 2, and its approximation by tanh, which is another function. */
export async function run(): Promise<void> {
  const shape = [1, 197, 1536];
  const constants = {
    root: scalar(Math.SQRT2),
    one: scalar(1),
    half: scalar(0.5),
    three: scalar(3),
    cubic: scalar(0.044715),
    slope: scalar(Math.sqrt(2 / Math.PI)),
    bias: floats(...Array.from({ length: 1536 }, () => 0)),
  };
  const form = (nodes: readonly FormNode[], opset = 17): Uint8Array =>
    formFile({ inputs: { x: shape }, constants, nodes, opset, rank: 3 });
  const options = { inputs: { x: shape }, scale: 4 };
  await report(
    `gelu of [${shape.join(", ")}]`,
    {
      "x (1 + Erf(x / sqrt 2)) / 2": form([
        ["Div", ["x", "root"], "d"],
        ["Erf", ["d"], "e"],
        ["Add", ["e", "one"], "a"],
        ["Mul", ["x", "a"], "m"],
        ["Mul", ["m", "half"], "y"],
      ]),
      "Gelu of opset 20": form([["Gelu", ["x"], "y"]], 20),
      "com.microsoft Gelu": form([["com.microsoft::Gelu", ["x"], "y"]]),
      "com.microsoft BiasGelu": form([["com.microsoft::BiasGelu", ["x", "bias"], "y"]]),
    },
    options,
  );
  await report(
    `gelu by tanh of [${shape.join(", ")}]`,
    {
      "powers and Tanh": form([...tanhPlusOne, ["Mul", ["x", "u"], "m"], ["Mul", ["m", "half"], "y"]]),
      "powers and Tanh, x / 2 first": form([...tanhPlusOne, ["Mul", ["x", "half"], "h"], ["Mul", ["h", "u"], "y"]]),
      "Gelu of opset 20": form([["Gelu", ["x"], "y", { approximate: "tanh" }]], 20),
      "com.microsoft FastGelu": form([["com.microsoft::FastGelu", ["x"], "y"]]),
    },
    options,
  );
}
