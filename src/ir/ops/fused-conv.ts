import { float, oneOf } from "../attr.ts";
import { defineOp, need } from "../op.ts";
import { printType, sameType } from "../type.ts";
import { activate, activationKinds } from "./activation.ts";
import { convAttrs, convConstraints, convMacs, evaluateConv, inferConv } from "./conv.ts";

export const fused_conv = defineOp({
  name: "fused_conv",
  doc:
    "A convolution with what follows it: act(conv(x, weight, bias) + addend), where act is an activation by kind and " +
    `alpha, or the identity. ${convConstraints} C8: the addend has the type of the result.`,
  operands: ["x", "weight", "bias?", "addend?"],
  attrs: { ...convAttrs, kind: oneOf(["identity", ...activationKinds]), alpha: float(0) },
  infer: (operands, attrs) => {
    const type = inferConv(operands, attrs);
    const { addend = type } = operands;
    need(sameType(addend, type), "C8", `the addend is ${printType(addend)}, the result ${printType(type)}`);
    return type;
  },
  evaluate: (operands, attrs, result) => {
    const out = evaluateConv(operands, attrs, result);
    const { kind, alpha } = attrs;
    const addend = operands.addend?.data;
    for (let i = 0; i < out.data.length; i++) {
      const sum = (out.data[i] as number) + (addend?.[i] ?? 0);
      out.data[i] = kind === "identity" ? sum : activate(sum, kind, alpha);
    }
    return out;
  },
  macs: convMacs,
});
