/**
 * fused_conv(x, W, b, z) {act} = act(conv(x, W, b) + z): the standard has no operator for it, and ONNX Runtime's own
 * takes some activations only.
 */
import { any, maybe, op } from "../../../passes/pattern.ts";
import { type Rule, defineRule } from "../../../passes/rule.ts";
import type { TakesActivation } from "../../../passes/rules/fuse-conv.ts";
import type { OperatorSet } from "../forms.ts";
import { fusedActivation } from "../lower/conv.ts";

/** What ONNX Runtime's FusedConv takes; it has a kernel of float32 alone. */
export const takesActivation: TakesActivation = ({ type }, kind) => {
  if (type.dtype !== "f32") return `FusedConv is of f32, not ${type.dtype}`;
  return kind === "identity" || fusedActivation(kind, 0) !== undefined || `FusedConv has no ${kind}`;
};

export const fusedConv = (ops: OperatorSet): Rule =>
  defineRule({
    name: "onnx-fused_conv",
    pattern: op.fused_conv(any("x"), any("weight"), maybe(any("bias")), maybe(any("addend"))),
    where: ({ root }) => ops !== "ort" || takesActivation(root, root.attrs.kind) !== true || "FusedConv is the same",
    rewrite: ({ root, x, weight, bias, addend }, b) => {
      const { kind, alpha, ...geometry } = root.attrs;
      const made = b.conv(x, weight, bias, geometry);
      const sum = addend === undefined ? made : b.add(made, addend);
      return kind === "identity" ? sum : b.activation(sum, { kind, alpha });
    },
  });
