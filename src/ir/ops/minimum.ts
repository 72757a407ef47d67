import { binary } from "./elementwise.ts";

export const minimum = binary("minimum", "The smaller of x and y.", Math.min);
