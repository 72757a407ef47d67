import { binary } from "./elementwise.ts";

export const mul = binary("mul", "x * y.", (x, y) => x * y);
