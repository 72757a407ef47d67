import type { ActivationKind } from "../../../ir/ops/activation.ts";
import type { Value } from "../../../ir/value.ts";
import type { Lowering } from "./context.ts";
import { floats, int, ints, string } from "./context.ts";

export const conv: Lowering<"conv"> = (value, c) =>
  c.emit(
    "Conv",
    value.operands[2] === undefined ? [c.input(0), c.input(1)] : [c.input(0), c.input(1), c.input(2)],
    geometry(value),
  );

/** ONNX Runtime's own operator; legalisation leaves the activations that it has. */
export const fusedConv: Lowering<"fused_conv"> = (value, c) => {
  const { kind, alpha } = value.attrs;
  const fused = kind === "identity" ? undefined : fusedActivation(kind, alpha);
  const given = value.operands.findLastIndex((x) => x !== undefined) + 1;
  return c.contrib(
    "FusedConv",
    value.operands.slice(0, given).map((_, i) => c.input(i)),
    {
      ...geometry(value),
      activation: fused && string(fused.name),
      activation_params: fused && fused.parameters.length > 0 ? floats(fused.parameters) : undefined,
    },
  );
};

const geometry = ({ attrs: { stride, padding, dilation, groups } }: Value<"conv"> | Value<"fused_conv">) => ({
  strides: ints(stride),
  pads: ints(padding),
  dilations: ints(dilation),
  group: int(groups),
});

/** An activation as FusedConv names it, or undefined for one that it lacks. */
export function fusedActivation(
  kind: ActivationKind,
  alpha: number,
): { readonly name: string; readonly parameters: readonly number[] } | undefined {
  switch (kind) {
    case "relu":
      return { name: "Relu", parameters: [] };
    case "relu6":
      return { name: "Clip", parameters: [0, 6] };
    case "leaky_relu":
      return { name: "LeakyRelu", parameters: [alpha] };
    case "sigmoid":
      return { name: "Sigmoid", parameters: [] };
    case "tanh":
      return { name: "Tanh", parameters: [] };
    case "hard_sigmoid":
      return { name: "HardSigmoid", parameters: [1 / 6, 0.5] };
    case "hard_swish":
      return { name: "HardSwish", parameters: [] };
    default:
      return undefined;
  }
}

/** Rank 2 alone: legalisation writes other ranks as matmul. */
export const linear: Lowering<"linear"> = ({ operands }, c) =>
  c.emit("Gemm", operands[2] === undefined ? [c.input(0), c.input(1)] : [c.input(0), c.input(1), c.input(2)], {
    transB: int(1),
  });
