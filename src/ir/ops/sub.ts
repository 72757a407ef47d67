import { binary } from "./elementwise.ts";

export const sub = binary("sub", "x - y.", (x, y) => x - y);
