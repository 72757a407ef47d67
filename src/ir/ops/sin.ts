import { unary } from "./elementwise.ts";

export const sin = unary("sin", "The sine of x in radians.", Math.sin);
