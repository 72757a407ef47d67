import type { FormNode } from "./model.ts";
import { float, formFile, numbers, scalar } from "./model.ts";
import { report } from "./race.ts";

const eps = 1e-6;

/** A norm over the last axis, alone and after the residual addition that both ends of a block have. */
export async function run(): Promise<void> {
  const shape = [1, 197, 384];
  const constants = { w: numbers([384]), b: numbers([384], 0.5), eps: scalar(eps), two: scalar(2) };
  const form = (nodes: readonly FormNode[]): Uint8Array =>
    formFile({ inputs: { x: shape, z: shape }, constants, nodes, rank: 3 });
  const norm = (x: string, y: string): FormNode => ["LayerNormalization", [x, "w", "b"], y, { epsilon: float(eps) }];
  const options = { inputs: { x: shape, z: shape }, rounds: 100 };
  const sum: FormNode = ["Add", ["x", "z"], "s"];
  const chain: readonly FormNode[] = [
    ["ReduceMean", ["s"], "mean", { axes: [-1] }],
    ["Sub", ["s", "mean"], "d"],
    ["Pow", ["d", "two"], "p"],
    ["ReduceMean", ["p"], "v", { axes: [-1] }],
    ["Add", ["v", "eps"], "ve"],
    ["Sqrt", ["ve"], "sd"],
    ["Div", ["d", "sd"], "n"],
    ["Mul", ["n", "w"], "nw"],
    ["Add", ["nw", "b"], "y"],
  ];
  await report(
    `layer norm of x + z, [${shape.join(", ")}]`,
    {
      "Add, LayerNormalization": form([sum, norm("s", "y")]),
      "Add, means and square roots": form([sum, ...chain]),
      SkipLayerNormalization: form([
        ["com.microsoft::SkipLayerNormalization", ["x", "z", "w", "b"], "y", { epsilon: float(eps) }],
      ]),
    },
    options,
  );
}
