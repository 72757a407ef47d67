import { binary } from "./elementwise.ts";

export const less = binary("less", "x < y.", (x, y) => (x < y ? 1 : 0), { predicate: true });
