import type { Dim } from "../../../../src/ir/dim.ts";
import type { DType } from "../../../../src/ir/dtype.ts";
import { type ActivationKind, activationKinds } from "../../../../src/ir/ops/activation.ts";
import { ndarray } from "../../../../src/ir/ndarray.ts";
import type { Attrs } from "../../../../src/ir/value.ts";
import type { HandModel } from "../hand-model.ts";
import { type Draw, N, type OpCase, type OperandSpec, type Subject, body, cases } from "./case.ts";

type Range = Partial<Omit<OperandSpec, "shape">>;

const reals: Range = {};
const integers: Range = { dtype: "i64", low: -9, high: 9 };

/** An op of one operand with an ONNX operator of its own. */
const unary = (
  opType: string,
  tolerance: Subject<object>["tolerance"],
  ...ranges: readonly Range[]
): Subject<object> => ({
  tolerance,
  cases: cases((d) => ({ operands: [body(d.shape(1, 4), d.of(...ranges))], attrs: {} })),
  hand: (m, { names }) => m.op(opType, names),
});

/** Two shapes that broadcast: extents of the second may be 1 or missing in front. */
function broadcastPair(d: Draw): [Dim[], Dim[]] {
  const shape = d.shape(1, 4);
  const other = shape.map((extent) => (d.int(0, 2) === 0 ? 1 : extent)).slice(d.int(0, shape.length));
  return [shape.map((extent) => (d.int(0, 4) === 0 ? 1 : extent)), other];
}

function pair(d: Draw, range: Range): OpCase {
  const [x, y] = broadcastPair(d);
  const constant = y.every((extent) => extent !== N) && d.flag();
  return { operands: [body(x, range), { ...body(y, range), weight: constant }], attrs: {} };
}

const binary = (
  opType: string,
  tolerance: Subject<object>["tolerance"],
  ...ranges: readonly Range[]
): Subject<object> => ({
  tolerance,
  cases: cases((d) => pair(d, d.of(...ranges))),
  hand: (m, { names }) => m.op(opType, names),
});

const nonZero: Range = { dtype: "i64", low: 1, high: 7 };

/** Dividends of both signs over divisors of one sign at a time. */
function division(d: Draw): OpCase {
  const [x, y] = broadcastPair(d);
  const sign = d.of(nonZero, { ...nonZero, low: -7, high: -1 });
  return { operands: [body(x, integers), body(y, sign)], attrs: {} };
}

/** floor(x / y) in float64, of which integers as small as these are exact. */
function floorQuotient(m: HandModel, names: readonly string[]): string {
  const [x, y] = names.map((name) => m.op("Cast", [name], { to: 11 }));
  return m.op("Cast", [m.op("Floor", [m.op("Div", [x ?? "", y ?? ""])])], { to: 7 });
}

const codes: Partial<Record<DType, number>> = { f32: 1, i32: 6, i64: 7, bool: 9, f16: 10, f64: 11 };

const cast: Subject<Attrs<"cast">> = {
  tolerance: "exact",
  cases: cases((d) => ({
    operands: [body(d.shape(1, 3), d.of<Range>({ low: -9, high: 9 }, integers, { dtype: "bool", low: 0, high: 1 }))],
    attrs: { to: d.of("f32", "f64", "i64", "i32", "bool") },
  })),
  hand: (m, { names, attrs }) => m.op("Cast", names, { to: codes[attrs.to] ?? 0 }),
};

const clamp: Subject<Attrs<"clamp">> = {
  tolerance: "exact",
  cases: cases((d) => ({
    operands: [body(d.shape(1, 3))],
    attrs: {
      low: d.of(Number.NEGATIVE_INFINITY, -1, 0.25),
      high: d.of(Number.POSITIVE_INFINITY, 1, 0.5),
    },
  })),
  hand: (m, { names: [x = ""], attrs: { low, high } }) => {
    const raised = low === Number.NEGATIVE_INFINITY ? x : m.op("Max", [x, m.floats([low], [])]);
    return m.op("Min", [raised, m.floats([Math.min(high, 3e38)], [])]);
  },
};

const comparison = (opType: string): Subject<object> => ({
  ...binary(opType, "exact", reals),
  cases: cases((d) => pair(d, d.of<Range>({ dtype: "i64", low: 0, high: 3 }, { low: 0, high: 1 }))),
});

const where: Subject<Attrs<"where">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const [x, y] = broadcastPair(d);
    return { operands: [body(y, { dtype: "bool", low: 0, high: 1 }), body(x), body(y)], attrs: {} };
  }),
  hand: (m, { names }) => m.op("Where", names),
};

const activation: Subject<Attrs<"activation">> = {
  tolerance: "transcendental",
  cases: cases((d) => ({
    operands: [body(d.shape(2, 3, 8), { low: -8, high: 8 })],
    attrs: { kind: d.of(...activationKinds), alpha: d.of(0.01, 0.2, 1, 1.5) },
  })),
  hand: (m, { names: [x = ""], attrs: { kind, alpha } }) => activations[kind](m, x, alpha),
};

const scalar = (m: HandModel, value: number): string => m.floats([value], []);

const activations: { readonly [K in ActivationKind]: (m: HandModel, x: string, alpha: number) => string } = {
  relu: (m, x) => m.op("Relu", [x]),
  relu6: (m, x) => m.op("Clip", [x, scalar(m, 0), scalar(m, 6)]),
  leaky_relu: (m, x, alpha) => m.op("LeakyRelu", [x], { alpha: { float: alpha } }),
  elu: (m, x, alpha) => m.op("Elu", [x], { alpha: { float: alpha } }),
  celu: (m, x, alpha) => m.op("Celu", [x], { alpha: { float: alpha } }),
  selu: (m, x) => m.op("Selu", [x]),
  gelu: (m, x) => m.op("Gelu", [x]),
  gelu_tanh: (m, x) => m.op("Gelu", [x], { approximate: "tanh" }),
  quick_gelu: (m, x) => m.op("Div", [x, onePlusExp(m, m.op("Mul", [x, scalar(m, -1.702)]))]),
  silu: (m, x) => m.op("Div", [x, onePlusExp(m, m.op("Neg", [x]))]),
  mish: (m, x) => m.op("Mul", [x, m.op("Tanh", [m.op("Log", [onePlusExp(m, x)])])]),
  sigmoid: (m, x) => m.op("Sigmoid", [x]),
  tanh: (m, x) => m.op("Tanh", [x]),
  hard_sigmoid: (m, x) => m.op("HardSigmoid", [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
  hard_swish: (m, x) => m.op("HardSwish", [x]),
  hard_mish: (m, x) => {
    const clipped = m.op("Clip", [m.op("Add", [x, scalar(m, 2)]), scalar(m, 0), scalar(m, 2)]);
    return m.op("Mul", [m.op("Mul", [x, clipped]), scalar(m, 0.5)]);
  },
};

const onePlusExp = (m: HandModel, x: string): string => m.op("Add", [m.op("Exp", [x]), scalar(m, 1)]);

const constant: Subject<Attrs<"constant">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = d.ints(d.int(0, 3), 1, 4);
    const n = shape.reduce((a, b) => a * b, 1);
    return { operands: [], attrs: { values: d.ints(d.flag() ? 1 : n, -9, 9), dtype: d.of("f32", "i64"), shape } };
  }),
  hand: (m, { attrs: { values, dtype, shape } }) => {
    const data = m.constant(ndarray(dtype, [values.length], Float64Array.from(values)));
    const spread = values.length === 1 && shape.length > 0;
    return m.op(spread ? "Expand" : "Reshape", [data, m.ints(shape)]);
  },
};

const iota: Subject<Attrs<"iota">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = d.ints(d.int(1, 4), 1, 4);
    return { operands: [], attrs: { axis: d.int(0, shape.length - 1), dtype: d.of("i64", "f32"), shape } };
  }),
  hand: (m, { attrs: { axis, dtype, shape } }) => {
    const range = m.op("Range", [m.ints([0], []), m.ints([Number(shape[axis] ?? 0)], []), m.ints([1], [])]);
    const along = m.op("Reshape", [range, m.ints(shape.map((_, i) => (i === axis ? -1 : 1)))]);
    return m.op("Cast", [m.op("Expand", [along, m.ints(shape.map(Number))])], { to: codes[dtype] ?? 0 });
  },
};

export const elementwise = {
  abs: unary("Abs", "exact", reals, integers),
  activation,
  add: binary("Add", "arithmetic", reals, integers),
  cast,
  clamp,
  constant,
  cos: unary("Cos", "transcendental", { low: -7, high: 7 }),
  div: binary("Div", "arithmetic", { low: 0.5, high: 3 }),
  equal: comparison("Equal"),
  exp: unary("Exp", "transcendental", reals),
  floor_div: { tolerance: "exact", cases: cases(division), hand: (m, { names }) => floorQuotient(m, names) },
  iota,
  less: comparison("Less"),
  log: unary("Log", "transcendental", { low: 0.1, high: 9 }),
  maximum: binary("Max", "exact", reals, integers),
  minimum: binary("Min", "exact", reals, integers),
  mod: {
    tolerance: "exact",
    cases: cases(division),
    hand: (m, { names: [x = "", y = ""] }) => m.op("Sub", [x, m.op("Mul", [y, floorQuotient(m, [x, y])])]),
  },
  mul: binary("Mul", "arithmetic", reals, integers),
  neg: unary("Neg", "exact", reals, integers),
  pow: binary("Pow", "transcendental", { low: 0.1, high: 3 }),
  rsqrt: {
    ...unary("Sqrt", "arithmetic", { low: 0.01, high: 9 }),
    hand: (m, { names }) => m.op("Pow", [names[0] ?? "", scalar(m, -0.5)]),
  },
  sin: unary("Sin", "transcendental", { low: -7, high: 7 }),
  sqrt: unary("Sqrt", "arithmetic", { low: 0, high: 9 }),
  sub: binary("Sub", "arithmetic", reals, integers),
  where,
} as const satisfies Record<string, Subject<never>>;
