import { binary } from "./elementwise.ts";

export const floor_div = binary("floor_div", "floor(x / y), for integers.", (x, y) => Math.floor(x / y));
