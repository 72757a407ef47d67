import { unary } from "./elementwise.ts";

export const rsqrt = unary("rsqrt", "1 / sqrt(x).", (x) => 1 / Math.sqrt(x));
