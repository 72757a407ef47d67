import { unary } from "./elementwise.ts";

export const exp = unary("exp", "e to the power x.", Math.exp);
