import { isStatic } from "../../../ir/dim.ts";
import { TimmcError } from "../../../ir/error.ts";
import type { Value } from "../../../ir/value.ts";
import type { Lowering } from "./context.ts";
import { float, int } from "./context.ts";

export const batchNorm: Lowering<"batch_norm"> = ({ attrs: { eps } }, c) =>
  c.emit("BatchNormalization", [c.input(0), c.input(1), c.input(2), c.input(3), c.input(4)], { epsilon: float(eps) });

/** The scale is not optional in ONNX. */
export const layerNorm: Lowering<"layer_norm"> = (value, c) => {
  const { operands, attrs } = value;
  const scale = operands[1] === undefined ? c.full([lastExtent(value)], 1) : c.input(1);
  const bias = operands[2] === undefined ? [] : [c.input(2)];
  return c.emit("LayerNormalization", [c.input(0), scale, ...bias], { axis: int(-1), epsilon: float(attrs.eps) });
};

/** From opset 23; legalisation composes it before that. */
export const rmsNorm: Lowering<"rms_norm"> = (value, c) => {
  const scale = value.operands[1] === undefined ? c.full([lastExtent(value)], 1) : c.input(1);
  return c.emit("RMSNormalization", [c.input(0), scale], { axis: int(-1), epsilon: float(value.attrs.eps) });
};

/** Groups become the channels of an instance norm; legalisation has taken weight and bias, which are by channel, out. */
export const groupNorm: Lowering<"group_norm"> = ({ attrs: { groups, eps }, type }, c) => {
  const grouped = c.emit("Reshape", [c.input(0), c.ints([0, groups, -1])]);
  const normed = c.emit("InstanceNormalization", [grouped, c.full([groups], 1), c.full([groups], 0)], {
    epsilon: float(eps),
  });
  return c.emit("Reshape", [normed, c.shape(type.shape)]);
};

export const softmax: Lowering<"softmax"> = ({ attrs: { axis } }, c) =>
  c.emit("Softmax", [c.input(0)], { axis: int(axis) });

function lastExtent(value: Value): number {
  const width = value.type.shape.at(-1);
  if (width !== undefined && isStatic(width)) return width;
  throw new TimmcError(
    "unsupported",
    `%${value.name}: ${value.op} without a weight needs a static last extent in ONNX`,
  );
}
