import { binary } from "./elementwise.ts";

export const mod = binary(
  "mod",
  "x - y floor(x / y): the remainder with the sign of y, for integers.",
  (x, y) => x - y * Math.floor(x / y),
);
