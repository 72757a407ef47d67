import { binary } from "./elementwise.ts";

export const maximum = binary("maximum", "The larger of x and y.", Math.max);
