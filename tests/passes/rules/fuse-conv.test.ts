import { describe, expect, it } from "vitest";
import { takesActivation } from "../../../src/backends/onnx/rules/fused-conv.ts";
import type { Builder } from "../../../src/ir/builder.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { rewriting } from "../../../src/passes/rewriting.ts";
import { fuseConv } from "../../../src/passes/rules/fuse-conv.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

type On = (path: string) => Builder;
type Tail = (on: On, conv: Value, z: Value) => Readonly<Record<string, Value>>;

const N = symbol("N");
const rules = fuseConv(takesActivation);
const pass = rewriting("fuse-conv", rules);
const geometry = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1] };

const graph = (tail: Tail, bias = true, dtype: "f32" | "f16" = "f32"): Graph =>
  graphOf((on) => {
    const z = on("z").input({ shape: [N, 4, 5, 5], dtype });
    const x = on("x").input({ shape: [N, 3, 5, 5], dtype });
    const kernel = on("k").param({ key: "k", shape: [4, 3, 3, 3], dtype });
    const b = bias ? on("b").param({ key: "b", shape: [4], dtype }) : undefined;
    return tail(on, on("conv").conv(x, kernel, b, geometry), z);
  });

const act = (on: On, x: Value, kind: "relu" | "relu6" | "hard_swish" | "silu" = "relu"): Value =>
  on("act").activation(x, { kind });
const relu: Tail = (on, conv) => ({ y: act(on, conv) });
const residual: Tail = (on, conv, z) => ({ y: act(on, on("add").add(z, conv)) });

const fires: Readonly<Record<string, Graph>> = {
  "on an activation": graph(relu),
  "without a bias": graph(relu, false),
  "on a bound activation": graph((on, conv) => ({ y: act(on, conv, "relu6") })),
  "on a hard swish": graph((on, conv) => ({ y: act(on, conv, "hard_swish") })),
  "on a residual and its activation": graph(residual),
  "on a residual without a bias": graph(residual, false),
  "on a sum alone": graph((on, conv, z) => ({ y: on("add").add(conv, z) })),
  "where the result has several uses": graph((on, conv) => {
    const y = act(on, conv);
    return { y, z: on("abs").abs(y) };
  }),
};

describe("fuse-conv", () => {
  it.each(Object.entries(fires))("fires %s", (_, g) => {
    applied(g, pass);
    expect(body(g).filter((op) => op !== "input" && op !== "abs")).toEqual(["fused_conv"]);
    const fused = [...g.values()].find((v) => v.op === "fused_conv");
    expect(fused?.origin.path).toBe("conv");
    expect(Object.values(applied(g, pass))).toEqual([0, 0, 0]);
  });

  const [sum, activation, sumActivation] = rules;
  const nearMisses = [
    [
      "the target lacks the activation",
      activation,
      graph((on, c) => ({ y: act(on, c, "silu") })),
      "FusedConv has no silu",
    ],
    ["the target lacks the type", activation, graph(relu, true, "f16"), "FusedConv is of f32, not f16"],
    [
      "the convolution has a second use",
      activation,
      graph((on, conv) => ({ y: on("add").add(act(on, conv), conv) })),
      "conv has 2 uses, and each needs its own result",
    ],
    [
      "the convolution is an output",
      activation,
      graph((on, conv) => ({ y: act(on, conv), conv })),
      "conv has 2 uses, and each needs its own result",
    ],
    [
      "the addend is spread",
      sum,
      graph((on, conv) => ({ y: on("add").add(conv, on("c").constant({ values: [1], shape: [1, 1, 1, 1] })) })),
      "the addend is no map of the same type",
    ],
    [
      "there is an activation already",
      sumActivation,
      graph((on, conv, z) => {
        const [x, kernel] = conv.operands as [Value, Value];
        const fused = on("f").fused_conv(x, kernel, undefined, z, { ...geometry, kind: "relu" });
        return { y: act(on, fused) };
      }),
      "the convolution has an activation already",
    ],
  ] as const;

  it.each(nearMisses)("stays away where %s", (_, rule, g, why) => {
    expect(rule === undefined ? undefined : reason(rule, g)).toBe(why);
  });
});
