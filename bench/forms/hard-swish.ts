import type { FormNode } from "./model.ts";
import { float, formFile, scalar } from "./model.ts";
import { report } from "./race.ts";

/** hard_swish(x) = x clip(x + 3, 0, 6) / 6. */
export async function run(): Promise<void> {
  const shape = [1, 240, 28, 28];
  const form = (nodes: readonly FormNode[]): Uint8Array =>
    formFile({
      inputs: { x: shape },
      constants: { zero: scalar(0), three: scalar(3), six: scalar(6) },
      nodes,
      rank: 4,
    });
  await report(
    `hard swish of [${shape.join(", ")}]`,
    {
      HardSwish: form([["HardSwish", ["x"], "y"]]),
      "x HardSigmoid(x)": form([
        ["HardSigmoid", ["x"], "s", { alpha: float(1 / 6), beta: float(0.5) }],
        ["Mul", ["x", "s"], "y"],
      ]),
      "x Clip(x + 3, 0, 6) / 6": form([
        ["Add", ["x", "three"], "a"],
        ["Clip", ["a", "zero", "six"], "c"],
        ["Mul", ["x", "c"], "m"],
        ["Div", ["m", "six"], "y"],
      ]),
    },
    { inputs: { x: shape }, scale: 4, rounds: 100 },
  );
}
