import { unary } from "./elementwise.ts";

export const abs = unary("abs", "The magnitude.", Math.abs);
