import type { OpTable, Row } from "./row.ts";
import { flags, row, widenedAt22 } from "./row.ts";

const unary = "X:T -> Y:T";
const binary = "A:T B:T -> C:T";
const compare = "A:T B:T -> C:bool";

const reduced = (types: string): Readonly<Record<number, Row>> => ({
  13: row("data:T -> reduced:T", types, `axes:ints ${flags("keepdims")}`),
  18: reducedByInput(types),
});
const reducedByInput = (types: string): Row =>
  row("data:T axes:i64? -> reduced:T", types, flags("keepdims noop_with_empty_axes"));

const extremum = {
  ...reduced("T=wide|byte"),
  20: reducedByInput("T=wide|byte|bool"),
};
const position = { 13: row("data:T -> reduced:i64", "T=number", `axis:int ${flags("keepdims select_last_index")}`) };

/** Arithmetic, activations, comparisons and reductions. */
export const mathOps: OpTable = {
  MatMul: { 13: row("A:T B:T -> Y:T", "T=wide") },
  Gemm: { 13: row("A:T B:T C:T? -> Y:T", "T=wide", `alpha:float beta:float ${flags("transA transB")}`) },
  Einsum: { 12: row("inputs:T* -> output:T", "T=ieee|integer", "equation:string!") },
  Add: { 14: row(binary, "T=number") },
  Sub: { 14: row(binary, "T=number") },
  Mul: { 14: row(binary, "T=number") },
  Div: { 14: row(binary, "T=number") },
  Mod: { 13: row(binary, "T=number", flags("fmod")) },
  Pow: { 15: row("X:T Y:T1 -> Z:T", "T=float|i32|i64 T1=number") },
  Min: { 13: row("data:T* -> min:T", "T=number") },
  Max: { 13: row("data:T* -> max:T", "T=number") },
  Sum: { 13: row("data:T* -> sum:T", "T=float") },
  Sqrt: { 13: row(unary, "T=float") },
  Reciprocal: { 13: row(unary, "T=float") },
  Neg: { 13: row(unary, "T=float|i8|i16|i32|i64") },
  Abs: { 13: row(unary, "T=number") },
  Sign: { 13: row(unary, "T=number") },
  Exp: { 13: row(unary, "T=float") },
  Log: { 13: row(unary, "T=float") },
  Erf: { 13: row(unary, "T=float") },
  Sin: widenedAt22(7, unary),
  Cos: widenedAt22(7, unary),
  Tan: widenedAt22(7, unary),
  Atan: widenedAt22(7, unary),
  Floor: { 13: row(unary, "T=float") },
  Ceil: { 13: row(unary, "T=float") },
  Round: widenedAt22(11, unary),
  Clip: { 13: row("X:T min:T? max:T? -> Y:T", "T=number") },
  IsNaN: { 13: row("X:T -> Y:bool", "T=float") },
  IsInf: {
    10: row("X:T -> Y:bool", "T=f32|f64", flags("detect_negative detect_positive")),
    20: row("X:T -> Y:bool", "T=float", flags("detect_negative detect_positive")),
  },

  Relu: { 14: row(unary, "T=float|i8|i16|i32|i64") },
  LeakyRelu: { 16: row(unary, "T=float", "alpha:float") },
  ThresholdedRelu: widenedAt22(10, unary, "alpha:float"),
  PRelu: { 16: row("X:T slope:T -> Y:T", "T=wide") },
  Elu: widenedAt22(6, unary, "alpha:float"),
  Celu: { 12: row(unary, "T=f32", "alpha:float") },
  Selu: widenedAt22(6, unary, "alpha:float gamma:float"),
  Sigmoid: { 13: row(unary, "T=float") },
  HardSigmoid: widenedAt22(6, unary, "alpha:float beta:float"),
  HardSwish: widenedAt22(14, unary),
  Tanh: { 13: row(unary, "T=float") },
  Softplus: widenedAt22(1, unary),
  Softsign: widenedAt22(1, unary),
  Mish: widenedAt22(18, unary),
  Gelu: { 20: row(unary, "T=float", "approximate:string=none|tanh") },
  Softmax: { 13: row(unary, "T=float", "axis:int") },
  LogSoftmax: { 13: row(unary, "T=float", "axis:int") },

  Equal: { 13: row(compare, "T=any") },
  Less: { 13: row(compare, "T=number") },
  LessOrEqual: { 16: row(compare, "T=number") },
  Greater: { 13: row(compare, "T=number") },
  GreaterOrEqual: { 16: row(compare, "T=number") },
  And: { 7: row("A:bool B:bool -> C:bool") },
  Or: { 7: row("A:bool B:bool -> C:bool") },
  Xor: { 7: row("A:bool B:bool -> C:bool") },
  Not: { 1: row("X:bool -> Y:bool") },
  Where: { 16: row("condition:bool X:T Y:T -> output:T", "T=any") },

  ReduceMean: reduced("T=wide"),
  ReduceSum: { 13: reducedByInput("T=wide") },
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceProd: reduced("T=wide"),
  ReduceL1: reduced("T=wide"),
  ReduceL2: reduced("T=wide"),
  ReduceSumSquare: reduced("T=wide"),
  ReduceLogSumExp: reduced("T=wide"),
  ArgMax: position,
  ArgMin: position,
  CumSum: { 14: row("x:T axis:T2 -> y:T", "T=wide T2=index", flags("exclusive reverse")) },
  TopK: {
    11: row("X:T K:i64 -> values:T indices:i64", "T=ieee|integer", `axis:int ${flags("largest sorted")}`),
  },
};
