import type { FormNode } from "./model.ts";
import { floats, formFile, numbers } from "./model.ts";
import { report } from "./race.ts";

const nearest = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };

/**
 * A gated map between a convolution by channel with its silu and one of one pixel, as in EfficientNet. ONNX Runtime keeps its blocked layout through a product of equal shapes and a
 * Resize, but through no product that broadcasts, and through GlobalAveragePool, but through no ReduceMean.
 */
export async function run(): Promise<void> {
  for (const [channels, size] of [
    [96, 56],
    [240, 28],
    [672, 14],
  ] as const) {
    const shape = [1, channels, size, size];
    const squeezed = Math.floor(channels / 24) * 4;
    const constants = {
      d: numbers([channels, 1, 3, 3], 0.3),
      k: numbers([channels, channels, 1, 1], 0.1),
      r: numbers([squeezed, channels, 1, 1], 0.1),
      e: numbers([channels, squeezed, 1, 1], 0.1),
      b: numbers([channels]),
      rb: numbers([squeezed]),
      scales: floats(1, 1, size, size),
    };
    const excite = (mean: FormNode): FormNode[] => [
      ["Conv", ["x", "d", "b"], "c", { group: channels, pads: [1, 1, 1, 1] }],
      ["Sigmoid", ["c"], "s"],
      ["Mul", ["c", "s"], "m"],
      mean,
      ["Conv", ["mean", "r", "rb"], "h"],
      ["Relu", ["h"], "ha"],
      ["Conv", ["ha", "e", "b"], "g"],
      ["Sigmoid", ["g"], "gate"],
    ];
    const pool: FormNode = ["GlobalAveragePool", ["m"], "mean"];
    const form = (mean: FormNode, product: readonly FormNode[]): Uint8Array =>
      formFile({
        inputs: { x: shape },
        constants,
        nodes: [...excite(mean), ...product, ["Conv", ["p", "k", "b"], "y"]],
        declared: { spread: shape },
        rank: 4,
      });
    const product: FormNode = ["Mul", ["m", "gate"], "p"];
    const spread: readonly FormNode[] = [
      ["Resize", ["gate", "", "scales"], "spread", nearest],
      ["Mul", ["m", "spread"], "p"],
    ];
    await report(
      `squeeze-excite of [${shape.join(", ")}] between convolutions`,
      {
        "ReduceMean, Mul": form(["ReduceMean", ["m"], "mean", { axes: [2, 3] }], [product]),
        "GlobalAveragePool, Mul": form(pool, [product]),
        "GlobalAveragePool, Resize, Mul": form(pool, spread),
        "ReduceMean, Resize, Mul": form(["ReduceMean", ["m"], "mean", { axes: [2, 3] }], spread),
      },
      { inputs: { x: shape }, rounds: 100 },
    );
  }
}
