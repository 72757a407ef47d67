import type { FormNode } from "./model.ts";
import { float, formFile, numbers } from "./model.ts";
import { report } from "./race.ts";

const geometry = { pads: [1, 1, 1, 1], strides: [1, 1] };

/** A convolution, an addition of equal shape and an activation, which ONNX Runtime fuses itself, against its FusedConv. */
export async function run(): Promise<void> {
  for (const [channels, size] of [
    [64, 56],
    [256, 14],
  ] as const) {
    const shape = [1, channels, size, size];
    const constants = { k: numbers([channels, channels, 3, 3], 0.05), b: numbers([channels]) };
    const form = (block: readonly FormNode[]): Uint8Array =>
      formFile({
        inputs: { x: shape },
        constants,
        nodes: [["Conv", ["x", "k", "b"], "a", geometry], ...block, ["Conv", ["z", "k", "b"], "y", geometry]],
        rank: 4,
      });
    const fused = (inputs: readonly string[], activation: string, params?: readonly number[]): FormNode => [
      "com.microsoft::FusedConv",
      inputs,
      "z",
      { ...geometry, activation, ...(params && { activation_params: { kind: "floats", value: params } }) },
    ];
    const conv: FormNode = ["Conv", ["a", "k", "b"], "c", geometry];
    await report(
      `convolution and relu of [${shape.join(", ")}]`,
      {
        "Conv, Relu": form([conv, ["Relu", ["c"], "z"]]),
        "FusedConv of Relu": form([fused(["a", "k", "b"], "Relu")]),
      },
      { inputs: { x: shape } },
    );
    await report(
      `convolution, residual and relu of [${shape.join(", ")}]`,
      {
        "Conv, Add, Relu": form([conv, ["Add", ["c", "a"], "s"], ["Relu", ["s"], "z"]]),
        "FusedConv of the sum and Relu": form([fused(["a", "k", "b", "a"], "Relu")]),
      },
      { inputs: { x: shape } },
    );
    await report(
      `convolution and hard swish of [${shape.join(", ")}]`,
      {
        "Conv, HardSwish": form([conv, ["HardSwish", ["c"], "z"]]),
        "Conv, HardSigmoid, Mul": form([
          conv,
          ["HardSigmoid", ["c"], "s", { alpha: float(1 / 6), beta: float(0.5) }],
          ["Mul", ["c", "s"], "z"],
        ]),
      },
      { inputs: { x: shape } },
    );
    await report(
      `convolution and silu of [${shape.join(", ")}]`,
      {
        "Conv, Sigmoid, Mul": form([conv, ["Sigmoid", ["c"], "s"], ["Mul", ["c", "s"], "z"]]),
        "Conv, QuickGelu": form([conv, ["com.microsoft::QuickGelu", ["c"], "z", { alpha: float(1) }]]),
      },
      { inputs: { x: shape } },
    );
  }
}
