import { TimmcError } from "../../../ir/error.ts";
import type { DType } from "../../../ir/dtype.ts";
import { isStatic, printShape } from "../../../ir/dim.ts";
import type { Value } from "../../../ir/value.ts";
import type { Lowering, LoweringContext } from "./context.ts";
import { int } from "./context.ts";

/** The operator set from which QuantizeLinear and DequantizeLinear know 4-bit integers and blocks. */
export const blocksSince = 21;
/** The operator set from which their scales may be halves. */
const halvesSince = 19;

/** The element type of the result is that of the zero point, which is therefore always there. */
export const quantize: Lowering<"quantize"> = (value, c) => {
  const { to, axis, block } = value.attrs;
  if (to === "i32")
    throw new TimmcError("unsupported", "ONNX rounds to integers of 32 bits only what is a weight, when it is written");
  requireOpset(value, to, c);
  return c.emit("QuantizeLinear", [c.input(0), c.input(1), zeroPoint(value, to, c)], places(value, axis, block));
};

export const dequantize: Lowering<"dequantize"> = (value, c) => {
  const { axis, block } = value.attrs;
  const from = value.operands[0]?.type.dtype ?? "i8";
  requireOpset(value, from, c);
  const operands = [c.input(0), c.input(1)];
  // ONNX Runtime's fusions look for zero points; of blocks there are too many to write, and they look for none.
  if (block === 0 && from !== "i32") operands.push(zeroPoint(value, from, c));
  return c.emit("DequantizeLinear", operands, places(value, axis, block));
};

const places = ({ operands: [, scale] }: Value, axis: number, block: number) => ({
  axis: scale?.type.shape.length === 0 ? undefined : int(axis),
  block_size: block === 0 ? undefined : int(block),
});

function zeroPoint({ operands: [, scale, given] }: Value, dtype: DType, c: LoweringContext): string {
  if (given !== undefined) return c.input(2);
  const shape = scale?.type.shape ?? [];
  if (shape.every(isStatic)) return c.full(shape, 0, dtype);
  throw new TimmcError("unsupported", `a scale of the shape ${printShape(shape)} is no weight`);
}

function requireOpset(value: Value<"quantize"> | Value<"dequantize">, dtype: DType, c: LoweringContext): void {
  const blocks = value.attrs.block > 0 || dtype === "i4";
  const since = blocks ? blocksSince : value.operands[1]?.type.dtype === "f16" ? halvesSince : 0;
  if (c.opset >= since) return;
  const what = blocks ? "4-bit integers and blocks of scales" : "scales of 16 bits";
  throw new TimmcError("unsupported", `opset ${c.opset} has no ${what}`, { hint: `Use --opset ${since} or newer.` });
}

/** In the order that ONNX Runtime puts together as DynamicQuantizeMatMul. */
export const dynamicMatmul: Lowering<"dynamic_matmul"> = (_, c) => {
  const [x, scale, zero] = c.several("DynamicQuantizeLinear", [c.input(0)], 3);
  const sums = c.emit("MatMulInteger", [x ?? "", c.input(1), zero ?? ""]);
  return c.emit("Mul", [c.emit("Cast", [sums], { to: int(1) }), c.emit("Mul", [scale ?? "", c.input(2)])]);
};
