import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { foldNorms as pass } from "../../../src/passes/presets.ts";
import { splitBatchNorm } from "../../../src/passes/rules/split-batch-norm.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

interface Parts {
  readonly second?: (b: Builder, conv: Value) => Value;
  readonly axis?: number;
  readonly also?: (conv: Value) => Readonly<Record<string, Value>>;
}

const mixed = ({ second = (_, conv) => conv, axis = 1, also = () => ({}) }: Parts): Graph =>
  graphOf((on) => {
    const x = on("x").input({ shape: [symbol("N"), 4, 5, 5] });
    const conv = (path: string, side: number): Value => {
      const padding = [side, side, side, side].map((k) => (k - 1) / 2);
      const kernel = on(path).param({ key: `${path}.weight`, shape: [6, 4, side, side] });
      return on(path).conv(x, kernel, undefined, { stride: [1, 1], padding, dilation: [1, 1], groups: 1 });
    };
    const [small, large] = [conv("conv.0", 3), conv("conv.1", 5)];
    const joined = on("conv").concat([small, second(on("conv.1"), large)], { axis });
    const channels = Number(joined.type.shape[1]);
    const vector = (key: string): Value => on("bn").param({ key: `bn.${key}`, shape: [channels] });
    const [scale, shift, mean, variance] = [vector("weight"), vector("bias"), vector("mean"), vector("var")];
    const norm = on("bn").batch_norm(joined, scale, shift, mean, variance, { eps: 0.01 });
    return { y: norm, ...also(large) };
  });

describe("split-batch-norm", () => {
  it("lets the norm of mixed convolutions vanish", () => {
    const graph = mixed({});
    expect(applied(graph, pass)).toEqual({ "fold-batch-norm": 2, "split-batch-norm": 1 });
    expect(body(graph)).toEqual(["input", "conv", "conv", "concat"]);
  });

  it.each<readonly [string, Parts, string]>([
    [
      "a part has an activation",
      { second: (b, conv) => b.activation(conv, { kind: "relu" }) },
      "activation with 1 uses is no convolution to fold into",
    ],
    ["a part has another use", { also: (conv) => ({ tap: conv }) }, "conv with 2 uses is no convolution to fold into"],
    [
      "a kernel is known only when the model runs",
      {
        second: (b, conv) => {
          const kernel = b.input({ shape: [6, 6, 1, 1] });
          return b.conv(conv, kernel, undefined, { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] });
        },
      },
      "conv with 1 uses is no convolution to fold into",
    ],
    ["rows are joined", { axis: 2 }, "the parts are not joined by channels"],
  ])("stays away where %s", (_, parts, why) => {
    const graph = mixed(parts);
    expect(reason(splitBatchNorm, graph)).toBe(why);
    expect(applied(graph, pass)).toEqual({ "fold-batch-norm": 0, "split-batch-norm": 0 });
  });
});
