import { describe, expect, it } from "vitest";
import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import { lowerRequest } from "../../../src/driver/lower-request.ts";
import { pipelineOf } from "../../../src/driver/pipeline.ts";
import { familyOf, listArchitectures } from "../../../src/frontend/registry.ts";
import { encodeNumbers } from "../../../src/ir/bytes.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { type Environment, interpret } from "../../../src/ir/interpret.ts";
import { printType } from "../../../src/ir/type.ts";
import { type Value, is } from "../../../src/ir/value.ts";
import { verify } from "../../../src/ir/verifier.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { type Calibration, type Range, seenValues } from "../../../src/passes/precision/calibration.ts";
import { fingerprint } from "../../../src/passes/precision/fingerprint.ts";
import { halfPrecision } from "../../../src/passes/precision/half.ts";
import { supportedFamilies } from "../../../src/zoo/registry.ts";
import { emitAndRun } from "../../backends/onnx/emit-and-run.ts";
import { environment, graphOf, numbers } from "../rules/harness.ts";
import { errorOf, filled, interpretRounded } from "./rounded.ts";

/** A calibration in which every value was seen within -1 to 1, apart from those given. */
function calibrated(graph: Graph, given: Readonly<Record<string, number>> = {}): Calibration {
  const range = (value: Value): Range => {
    const most = given[value.name] ?? 1;
    return { min: -most, max: most, low: -most, high: most };
  };
  const ranges = Object.fromEntries(seenValues(graph).map((value) => [value.name, range(value)]));
  return { precision: "fp16", graph: fingerprint(graph), ranges, float: [] };
}

/** The ranges that the interpreter sees. */
function observed(graph: Graph, env: Environment): Calibration {
  const ranges: Record<string, Range> = {};
  const seen = new Set(seenValues(graph));
  interpret(graph, env, (value, { data }) => {
    if (!seen.has(value)) return;
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const x of data) [min, max] = [Math.min(min, x), Math.max(max, x)];
    ranges[value.name] = { min, max, low: min, high: max };
  });
  return { precision: "fp16", graph: fingerprint(graph), ranges, float: [] };
}

/** What runs, op by op, each with its element type. */
const typed = (graph: Graph): string[] =>
  [...graph.values()].flatMap((v) => (v.isWeight ? [] : [`${v.op} ${v.type.dtype}`]));

const isCast = (value: Value | undefined, to: string): value is Value<"cast"> =>
  is(value, "cast") && value.attrs.to === to && !value.isWeight;

/** Casts from halves to float32 and back, which are the identity. */
const roundTrips = (graph: Graph): string[] =>
  [...graph.values()].flatMap((v) => {
    const [x] = v.operands;
    return isCast(v, "f16") && isCast(x, "f32") && x.operands[0]?.type.dtype === "f16" ? [v.name] : [];
  });

describe("what is a half", () => {
  it("is everything but the borders, the pooling and its neighbours", () => {
    const graph = graphOf((on) => {
      const x = on("").input({ shape: ["N", 3, 8, 8].map((d) => (d === "N" ? 2 : Number(d))) });
      const weight = on("conv").param({ key: "conv.weight", shape: [4, 3, 3, 3] });
      const conv = on("conv").conv(x, weight, undefined, {
        stride: [1, 1],
        padding: [1, 1, 1, 1],
        dilation: [1, 1],
      });
      const act = on("act").activation(conv, { kind: "relu" });
      const pool = on("pool").reduce_mean(act, { axes: [2, 3] });
      const head = on("fc").linear(pool, on("fc").param({ key: "fc.weight", shape: [5, 4] }), undefined);
      return { logits: head };
    });
    runPipeline(graph, [halfPrecision(calibrated(graph))]);
    verify(graph);
    expect(typed(graph)).toEqual([
      "input f32",
      "cast f16",
      "conv f16",
      "cast f32",
      "activation f32",
      "reduce_mean f32",
      "cast f16",
      "linear f16",
      "cast f32",
    ]);
    const weights = [...graph.values()].filter((v) => v.isWeight);
    expect(weights.map((v) => `${v.op} ${v.type.dtype}`).sort()).toEqual([
      "cast f16",
      "cast f16",
      "param f32",
      "param f32",
    ]);
  });

  it("keeps what joins a squeeze-excite in float32, its matrices as halves in the file", () => {
    const graph = graphOf((on) => {
      const x = on("").input({ shape: [2, 8, 6, 6] });
      const map = on("a").activation(x, { kind: "silu" });
      const pool = on("se").reduce_mean(map, { axes: [2, 3], keep: true });
      const square = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
      const fc1 = on("se.fc1").conv(pool, on("se.fc1").param({ key: "w1", shape: [2, 8, 1, 1] }), undefined, square);
      const act = on("se.act").activation(fc1, { kind: "relu" });
      const fc2 = on("se.fc2").conv(act, on("se.fc2").param({ key: "w2", shape: [8, 2, 1, 1] }), undefined, square);
      const gate = on("se.gate").activation(fc2, { kind: "sigmoid" });
      const out = on("se").mul(map, gate);
      return { out: on("last").matmul(out, on("last").param({ key: "w3", shape: [6, 6] })) };
    });
    runPipeline(graph, [halfPrecision(calibrated(graph))]);
    verify(graph);
    const inGate = [...graph.values()].filter((v) => v.origin.path.startsWith("se.") && !v.isWeight);
    expect(inGate.filter((v) => v.op !== "cast").map((v) => v.type.dtype)).toEqual(["f32", "f32", "f32", "f32"]);
    const { initializers } = emitOnnx(
      graph,
      { bytes: (key, type) => encodeNumbers(type.dtype, numbers(key, type).data) },
      { opset: 17, producerVersion: "", metadata: [] },
    );
    const kernels = initializers.filter(({ header }) => header.dims.length > 1);
    expect(kernels.map(({ header }) => header.dtype)).toEqual(["f16", "f16", "f16"]);
  });

  it("is refused with the calibration of another graph", () => {
    const build = (kind: "relu" | "silu") =>
      graphOf((on) => ({ out: on("a").activation(on("").input({ shape: [2, 4] }), { kind }) }));
    const pass = halfPrecision(calibrated(build("relu")));
    expect(() => pass.run(build("silu"))).toThrow(/calibration is of another graph/);
  });
});

describe("what exceeds halves", () => {
  const wide = () =>
    graphOf((on) => {
      const x = on("").input({ shape: [2, 16] });
      const big = on("big").linear(x, on("big.w").param({ key: "w", shape: [16, 16] }), undefined);
      const max = on("max").maximum(big, x);
      const end = on("end").linear(max, on("end.w").param({ key: "v", shape: [16, 16] }), undefined);
      return { out: on("last").linear(end, on("last").param({ key: "u", shape: [16, 16] }), undefined) };
    });

  it.each([
    [1, "f16", "f16", "f16"],
    [8000, "f16", "f16", "f16"],
    [9000, "f32", "f32", "f16"],
    [1e-4, "f32", "f32", "f16"],
    [0, "f16", "f16", "f16"],
  ])("a value seen at %d, what reads it, and what does not: %s %s %s", (most, own, reader, other) => {
    const graph = wide();
    runPipeline(graph, [halfPrecision(calibrated(graph, { big: most }))]);
    verify(graph);
    const of = (path: string): string | undefined =>
      [...graph.values()].find((v) => v.origin.path === path && !v.isWeight && v.op !== "cast")?.type.dtype;
    expect([of("big"), of("max"), of("end")]).toEqual([own, reader, other]);
  });

  it("attention is float32 where its scores may exceed them", () => {
    const build = () =>
      graphOf((on) => {
        const project = (name: string, x: Value) =>
          on(name).linear(x, on(`${name}.w`).param({ key: name, shape: [64, 64] }), undefined);
        const x = on("").input({ shape: [2, 4, 64] });
        const [q, k, v] = [project("q", x), project("k", x), project("v", x)];
        return { out: project("out", on("attn").attention(q, k, v, undefined, { scale: 1 })) };
      });
    const dtypeWith = (most: number): string | undefined => {
      const graph = build();
      runPipeline(graph, [halfPrecision(calibrated(graph, { q: most, k: most }))]);
      return [...graph.values()].find((v) => v.op === "attention")?.type.dtype;
    };
    // 64 x 11 x 11 is below an eighth of the largest half, 64 x 12 x 12 above.
    expect([dtypeWith(11), dtypeWith(12)]).toEqual(["f16", "f32"]);
  });
});

/** x / sqrt(mean(x^2)), written in single ops, of one element type. */
const rootMeanSquare = (dtype: "f32" | "f16") =>
  graphOf((on) => {
    const input = on("").input({ shape: [2, 64] });
    const x = dtype === "f32" ? input : on("").cast(input, { to: dtype });
    const mean = on("norm").reduce_mean(on("norm").mul(x, x), { axes: [1], keep: true });
    const normed = on("norm").mul(x, on("norm").rsqrt(mean));
    return { out: dtype === "f32" ? normed : on("").cast(normed, { to: "f32" }) };
  });

describe("finite but wrong", () => {
  it("squares of activations around 800 overflow, and the norm is zero: the pass makes them in float32", () => {
    const env: Environment = { ...environment, input: (_, { shape }) => filled(shape, (i) => 800 + (i % 7)) };
    const expected = interpret(rootMeanSquare("f32"), env).get("out");
    const naive = interpretRounded(rootMeanSquare("f16"), env).get("out");
    expect([...(naive?.data ?? [])].every((x) => x === 0)).toBe(true);
    for (const calibration of [undefined, calibrated(rootMeanSquare("f32"), { _: 806 })]) {
      const graph = rootMeanSquare("f32");
      runPipeline(graph, [halfPrecision(calibration)]);
      verify(graph);
      const data = interpretRounded(graph, env).get("out")?.data ?? [];
      expected?.data.forEach((e, i) => expect(Math.abs((data[i] ?? 0) - e)).toBeLessThan(2e-3));
    }
  });

  it("a mean of more than 2,048 equal halves stops growing: the pass makes it in float32", async () => {
    const half = (x: number): number => {
      const bytes = encodeNumbers("f16", Float64Array.of(x));
      return bytes[1] === undefined ? 0 : interpretHalf(bytes);
    };
    let sum = 0;
    for (let i = 0; i < 4096; i++) sum = half(sum + 1);
    expect(sum / 4096).toBe(0.5);
    const graph = graphOf((on) => {
      const x = on("").input({ shape: [1, 4096] });
      const y = on("a").linear(x, on("a").param({ key: "w", shape: [4096, 4096] }), undefined);
      return { out: on("mean").reduce_mean(y, { axes: [1] }) };
    });
    runPipeline(graph, [halfPrecision(undefined)]);
    expect(typed(graph)).toEqual(["input f32", "cast f16", "linear f16", "cast f32", "reduce_mean f32"]);
  });

  it("layer norm of activations around 800 under ONNX Runtime", async () => {
    const graph = graphOf((on) => {
      const x = on("").input({ shape: [4, 64] });
      const normed = on("norm").layer_norm(x, undefined, undefined, { eps: 1e-6 });
      return { out: on("fc").linear(normed, on("fc").param({ key: "w", shape: [64, 64] }), undefined) };
    });
    const given = (name: string, shape: readonly number[]) =>
      name === "_" ? filled(shape, (i) => 800 + 40 * Math.sin(i)) : numbers(name, { dtype: "f32", shape });
    const env: Environment = {
      symbols: {},
      input: (name, { shape }) => given(name, shape),
      param: (name, { shape }) => given(name, shape),
    };
    const expected = interpret(graph, env).get("out");
    runPipeline(graph, [halfPrecision(calibrated(graph, { _: 840 }))]);
    const [actual] = await emitAndRun(graph, given, [{}], 17);
    expect(errorOf(actual?.get("out"), expected)).toBeLessThan(2e-3);
  });
});

/** The number of two bytes. */
function interpretHalf(bytes: Uint8Array): number {
  const code = (bytes[1] ?? 0) * 256 + (bytes[0] ?? 0);
  const [exponent, fraction] = [code >> 10, code & 1023];
  return exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
}

describe("weights beyond halves", () => {
  const graph = graphOf((on) => {
    const x = on("").input({ shape: [2, 4] });
    return { out: on("fc").linear(x, on("fc.weight").param({ key: "fc.weight", shape: [3, 4] }), undefined) };
  });
  runPipeline(graph, [halfPrecision(undefined)]);

  const written = (weight: (i: number) => number): string => {
    const bytes = () =>
      encodeNumbers(
        "f32",
        Float32Array.from({ length: 12 }, (_, i) => weight(i)),
      );
    const { initializers } = emitOnnx(graph, { bytes }, { opset: 17, producerVersion: "", metadata: [] });
    try {
      for (const tensor of initializers) tensor.bytes();
      return "written";
    } catch (error) {
      return error instanceof TimmcError ? `${error.code}: ${error.describe()}` : String(error);
    }
  };

  it("are refused by the tensor's name before they are written", () => {
    expect(written((i) => (i === 3 ? 65_536 : 1))).toMatch(/^weights: fc\.weight: 1 of 12 numbers, up to 6\.554e\+4/);
    expect(written(() => 1e-9)).toMatch(/^weights: fc\.weight: all 12 numbers, up to 1\.000e-9, are zero as halves/);
  });

  it("are not what rounds to the largest half, what is zero, or what the checkpoint holds as infinity", () => {
    expect(written(() => 65_519)).toBe("written");
    expect(written(() => 0)).toBe("written");
    expect(written((i) => (i === 0 ? 1e-9 : 1))).toBe("written");
    expect(written(() => Number.NEGATIVE_INFINITY)).toBe("written");
  });
});

interface Small {
  readonly model: string;
  readonly side: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

const small: readonly Small[] = [
  { model: "test_resnet", side: 64 },
  { model: "test_efficientnet", side: 64 },
  { model: "test_convnext", side: 64 },
  { model: "test_vit", side: 64, args: { img_size: 64 } },
  {
    model: "swin_tiny_patch4_window7_224",
    side: 56,
    args: { img_size: 56, embed_dim: 24, depths: [2, 2], num_heads: [2, 4] },
  },
];

/** ONNX Runtime rounds at other places than the interpreter of halves, which rounds every value: what it loses is of one size. */
const budget = 2;

describe.each(small)("$model in halves", ({ model, side, args = {} }) => {
  it.each([
    [17, "standard"],
    [20, "ort"],
    [23, "standard"],
  ] as const)("is the network under ONNX Runtime at opset %d, %s", { timeout: 120_000 }, async (opset, onnxOps) => {
    const lower = async () =>
      (await lowerRequest({ model, args, inputSize: [3, side, side], taps: ["logits", "forward_features"] })).lowered
        .graph;
    const env = { ...environment, symbols: { N: 1 } };
    const reference = interpret(await lower(), env);
    const graph = await lower();
    runPipeline(graph, pipelineOf("O2", null, { opset, onnxOps }));
    halfPrecision(observed(graph, env)).run(graph);
    verify(graph);
    const given = (name: string, shape: readonly number[]) => numbers(name, { dtype: "f32", shape });
    const [actual] = await emitAndRun(graph, given, [{ N: 1 }], opset, onnxOps);
    const rounded = interpretRounded(graph, env);
    for (const [name, expected] of reference) {
      const unavoidable = errorOf(rounded.get(name), expected);
      expect(unavoidable).toBeLessThan(0.01);
      expect(errorOf(actual?.get(name), expected)).toBeLessThan(budget * unavoidable);
    }
  });
});

describe("every family", () => {
  const names = listArchitectures();
  const smallest = supportedFamilies.map((family) => {
    const own = names.filter((name) => familyOf(name) === family);
    return own.find((name) => name.startsWith("test_")) ?? own[0] ?? family;
  });

  it.each(smallest)("%s is valid in halves, with and without ranges", { timeout: 60_000 }, async (model) => {
    const { graph } = (await lowerRequest({ model, preprocess: true })).lowered;
    runPipeline(graph, pipelineOf("O2"));
    const outputs = graph.outputs.map((o) => `${o.name}: ${printType(o.value.type)}`);
    const seventh = seenValues(graph).filter((_, i) => i % 7 === 3);
    const beyond = Object.fromEntries(seventh.map(({ name }) => [name, 1e5]));
    for (const calibration of [undefined, calibrated(graph, beyond)]) {
      const { graph: half } = graph.clone();
      halfPrecision(calibration).run(half);
      verify(half);
      expect(half.outputs.map((o) => `${o.name}: ${printType(o.value.type)}`)).toEqual(outputs);
      expect(roundTrips(half)).toEqual([]);
      const bytes = (): Uint8Array => new Uint8Array();
      emitOnnx(half, { bytes }, { opset: 17, producerVersion: "", metadata: [] });
    }
  });
});
