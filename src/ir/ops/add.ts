import { binary } from "./elementwise.ts";

export const add = binary("add", "x + y.", (x, y) => x + y);
