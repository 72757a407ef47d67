import type { Lowering } from "./context.ts";
import { int, ints, string } from "./context.ts";

/**
 * The gates are in ONNX's order already. Steps go first and directions before sequences, X [T, N, C] to Y [T, D, N, H]: ONNX
 * Runtime has no kernel on the CPU for `layout` 1, which has sequences first (1.30).
 */
export const lstm: Lowering<"lstm"> = ({ operands, attrs: { direction } }, c) => {
  const [, , recurrence, bias] = operands;
  const [d = 1, , hidden = 1] = recurrence?.type.shape.map(Number) ?? [];
  const x = c.emit("Transpose", [c.input(0)], { perm: ints([1, 0, 2]) });
  const y = c.emit("LSTM", [x, c.input(1), c.input(2), ...(bias === undefined ? [] : [c.input(3)])], {
    direction: string(direction),
    hidden_size: int(hidden),
  });
  const sequencesFirst = c.emit("Transpose", [y], { perm: ints([2, 0, 1, 3]) });
  return c.emit("Reshape", [sequencesFirst, c.ints([0, 0, d * hidden])]);
};
