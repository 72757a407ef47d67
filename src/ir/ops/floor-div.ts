import { binary } from "./elementwise.ts";

export const floor_div = binary("floor_div", "floor(x / y).", (x, y) => Math.floor(x / y), { only: "integers" });
