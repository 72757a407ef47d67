import type { Lowering } from "./context.ts";
import { int, ints } from "./context.ts";

export const conv: Lowering<"conv"> = ({ attrs: { stride, padding, dilation, groups }, operands }, c) =>
  c.emit("Conv", operands[2] === undefined ? [c.input(0), c.input(1)] : [c.input(0), c.input(1), c.input(2)], {
    strides: ints(stride),
    pads: ints(padding),
    dilations: ints(dilation),
    group: int(groups),
  });

/** Rank 2 alone: legalisation writes other ranks as matmul. */
export const linear: Lowering<"linear"> = ({ operands }, c) =>
  c.emit("Gemm", operands[2] === undefined ? [c.input(0), c.input(1)] : [c.input(0), c.input(1), c.input(2)], {
    transB: int(1),
  });
