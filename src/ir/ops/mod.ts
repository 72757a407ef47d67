import { binary } from "./elementwise.ts";

export const mod = binary(
  "mod",
  "x - y floor(x / y): the remainder with the sign of y.",
  (x, y) => x - y * Math.floor(x / y),
  { only: "integers" },
);
