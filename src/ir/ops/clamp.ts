import { float } from "../attr.ts";
import { unary } from "./elementwise.ts";

export const clamp = unary("clamp", "min(max(x, low), high).", (x, { low, high }) => Math.min(Math.max(x, low), high), {
  low: float(Number.NEGATIVE_INFINITY),
  high: float(Number.POSITIVE_INFINITY),
});
