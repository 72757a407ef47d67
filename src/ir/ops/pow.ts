import { binary } from "./elementwise.ts";

export const pow = binary("pow", "x to the power y.", (x, y) => x ** y);
