import type { Origin, Value } from "../../ir/value.ts";

/** The origin of what narrowing makes of a value. */
export const narrowed = ({ origin }: Value): Origin => ({
  path: origin.path,
  rules: [...new Set([...origin.rules, "narrow"])],
});
