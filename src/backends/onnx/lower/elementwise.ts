import type { ActivationKind } from "../../../ir/ops/activation.ts";
import type { OpName } from "../../../ir/ops/index.ts";
import { dataTypeCode } from "../model.ts";
import type { Lowering, LoweringContext } from "./context.ts";
import { float, int, string } from "./context.ts";

/** The operator of one or more operands that takes them as the IR does. */
export const same =
  (opType: string): Lowering<OpName> =>
  (value, c) =>
    c.emit(
      opType,
      value.operands.map((_, i) => c.input(i)),
    );

export const rsqrt: Lowering<"rsqrt"> = (_, c) => c.emit("Reciprocal", [c.emit("Sqrt", [c.input(0)])]);

export const cast: Lowering<"cast"> = (value, c) =>
  c.emit("Cast", [c.input(0)], { to: int(dataTypeCode(value.attrs.to)) });

/** floor(x / y) = (x - mod(x, y)) / y: ONNX divides integers toward zero, and nothing is left over here. */
export const floorDiv: Lowering<"floor_div"> = (_, c) => {
  const [x, y] = [c.input(0), c.input(1)];
  return c.emit("Div", [c.emit("Sub", [x, c.emit("Mod", [x, y])]), y]);
};

/** Infinite bounds are left out. */
export const clamp: Lowering<"clamp"> = ({ attrs: { low, high } }, c) => clip(c, c.input(0), low, high);

const clip = (c: LoweringContext, x: string, low: number, high: number): string =>
  c.emit("Clip", [x, Number.isFinite(low) ? c.scalar(low) : "", Number.isFinite(high) ? c.scalar(high) : ""]);

export const activation: Lowering<"activation"> = ({ attrs: { kind, alpha } }, c) =>
  activations[kind](c, c.input(0), alpha);

type Form = (c: LoweringContext, x: string, alpha: number) => string;

const activations: { readonly [K in ActivationKind]: Form } = {
  relu: (c, x) => c.emit("Relu", [x]),
  relu6: (c, x) => clip(c, x, 0, 6),
  leaky_relu: (c, x, alpha) => c.emit("LeakyRelu", [x], { alpha: float(alpha) }),
  elu: (c, x, alpha) => c.emit("Elu", [x], { alpha: float(alpha) }),
  celu: (c, x, alpha) => c.emit("Celu", [x], { alpha: float(alpha) }),
  selu: (c, x) => c.emit("Selu", [x]),
  gelu: (c, x) => {
    if (c.opset >= 20) return c.emit("Gelu", [x]);
    return c.ops === "ort" ? c.contrib("Gelu", [x]) : gelu(c, x);
  },
  gelu_tanh: (c, x) => {
    if (c.opset >= 20) return c.emit("Gelu", [x], { approximate: string("tanh") });
    return c.ops === "ort" ? c.contrib("FastGelu", [x]) : geluTanh(c, x);
  },
  quick_gelu: (c, x) => swish(c, x, 1.702),
  silu: (c, x) => swish(c, x, 1),
  mish: (c, x) => (c.opset >= 18 ? c.emit("Mish", [x]) : c.emit("Mul", [x, c.emit("Tanh", [c.emit("Softplus", [x])])])),
  sigmoid: (c, x) => c.emit("Sigmoid", [x]),
  tanh: (c, x) => c.emit("Tanh", [x]),
  hard_sigmoid: (c, x) => c.emit("HardSigmoid", [x], { alpha: float(1 / 6), beta: float(0.5) }),
  hard_swish: (c, x) => c.emit("HardSwish", [x]),
  hard_mish: (c, x) =>
    c.emit("Mul", [c.emit("Mul", [x, c.scalar(0.5)]), clip(c, c.emit("Add", [x, c.scalar(2)]), 0, 2)]),
};

/** x sigmoid(alpha x), which ONNX Runtime recognises as its QuickGelu. */
function swish(c: LoweringContext, x: string, alpha: number): string {
  if (c.ops === "ort") return c.contrib("QuickGelu", [x], { alpha: float(alpha) });
  const scaled = alpha === 1 ? x : c.emit("Mul", [x, c.scalar(alpha)]);
  return c.emit("Mul", [x, c.emit("Sigmoid", [scaled])]);
}

/** x (1 + erf(x / sqrt 2)) / 2, in the order of operations that ONNX Runtime recognises as one Gelu. */
function gelu(c: LoweringContext, x: string): string {
  const erf = c.emit("Erf", [c.emit("Div", [x, c.scalar(Math.SQRT2)])]);
  return c.emit("Mul", [c.emit("Mul", [x, c.emit("Add", [erf, c.scalar(1)])]), c.scalar(0.5)]);
}

/** x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. */
function geluTanh(c: LoweringContext, x: string): string {
  const cubic = c.emit("Add", [x, c.emit("Mul", [c.emit("Pow", [x, c.scalar(3)]), c.scalar(0.044715)])]);
  const tanh = c.emit("Tanh", [c.emit("Mul", [cubic, c.scalar(Math.sqrt(2 / Math.PI))])]);
  return c.emit("Mul", [c.emit("Mul", [x, c.emit("Add", [tanh, c.scalar(1)])]), c.scalar(0.5)]);
}
