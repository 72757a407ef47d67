import type { FormNode } from "./model.ts";
import { float, formFile, scalar } from "./model.ts";
import { report } from "./race.ts";

/** silu(x) = x sigmoid(x). The product and ONNX Runtime's QuickGelu are the same kernel: it fuses the product itself. */
export async function run(): Promise<void> {
  for (const shape of [
    [1, 96, 112, 112],
    [1, 197, 1536],
  ]) {
    const form = (nodes: readonly FormNode[]): Uint8Array =>
      formFile({ inputs: { x: shape }, constants: { half: scalar(0.5) }, nodes, rank: shape.length });
    await report(
      `silu of [${shape.join(", ")}]`,
      {
        "x sigmoid(x)": form([
          ["Sigmoid", ["x"], "s"],
          ["Mul", ["x", "s"], "y"],
        ]),
        "QuickGelu, alpha 1": form([["com.microsoft::QuickGelu", ["x"], "y", { alpha: float(1) }]]),
        "h + h tanh(h), h = x / 2": form([
          ["Mul", ["x", "half"], "h"],
          ["Tanh", ["h"], "t"],
          ["Mul", ["h", "t"], "p"],
          ["Add", ["h", "p"], "y"],
        ]),
      },
      { inputs: { x: shape }, scale: 4 },
    );
  }
}
