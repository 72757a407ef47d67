import { binary } from "./elementwise.ts";

export const equal = binary("equal", "x = y.", (x, y) => (x === y ? 1 : 0), { predicate: true });
