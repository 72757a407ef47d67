import { binary } from "./elementwise.ts";

export const div = binary("div", "x / y; see floor_div for integers.", (x, y) => x / y, { only: "floats" });
