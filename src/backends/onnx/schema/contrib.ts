import type { OpTable } from "./row.ts";
import { row } from "./row.ts";

const conv =
  "auto_pad:string=NOTSET|SAME_UPPER|SAME_LOWER|VALID dilations:ints group:int kernel_shape:ints pads:ints strides:ints";

/** ONNX Runtime's own operators, of those that timmc writes; its documents know one version of each. */
export const contribOps: OpTable = {
  FastGelu: { 1: row("X:T bias:T? -> Y:T", "T=f16|f32|bf16") },
  FusedConv: {
    1: row(
      "X:T W:T B:T? Z:T? -> Y:T",
      "T=ieee",
      `${conv} activation:string=Relu|Tanh|Sigmoid|LeakyRelu|Clip|HardSigmoid|HardSwish activation_params:floats`,
    ),
  },
  Gelu: { 1: row("X:T -> Y:T", "T=ieee|bf16") },
  QuickGelu: { 1: row("X:T -> Y:T", "T=ieee|bf16", "alpha:float") },
};
