import { unary } from "./elementwise.ts";

export const cos = unary("cos", "The cosine of x in radians.", Math.cos);
