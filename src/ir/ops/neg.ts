import { unary } from "./elementwise.ts";

export const neg = unary("neg", "-x.", (x) => -x);
