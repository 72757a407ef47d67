import { unary } from "./elementwise.ts";

export const sqrt = unary("sqrt", "The square root.", Math.sqrt);
