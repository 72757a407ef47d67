import { dataTypeCode } from "../model.ts";
import type { Lowering } from "./context.ts";
import { float, int } from "./context.ts";

/** From opset 23; legalisation takes the heads apart before that. The softmax of halves is float32. */
export const packedAttention: Lowering<"packed_attention"> = ({ operands, attrs: { heads, scale }, type }, c) =>
  c.emit("Attention", operands[3] === undefined ? [0, 1, 2].map(c.input) : [0, 1, 2, 3].map(c.input), {
    q_num_heads: int(heads),
    kv_num_heads: int(heads),
    scale: float(scale),
    softmax_precision: type.dtype === "f16" ? int(dataTypeCode("f32")) : undefined,
  });
