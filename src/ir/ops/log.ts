import { unary } from "./elementwise.ts";

export const log = unary("log", "The natural logarithm.", Math.log);
