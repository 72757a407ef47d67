import { TimmcError } from "../ir/error.ts";
import type { Direction, Pass } from "./pass.ts";
import { type Rule, apply } from "./rule.ts";

/** More sweeps than any chain of rewrites needs: what goes on is a rule that undoes another. */
const maxSweeps = 1000;

/** A pass that applies rules, the first that matches at each value, until none does. Weights are left as they are. */
export const rewriting = (name: string, rules: readonly Rule[], direction: Direction = "forward"): Pass => ({
  name,
  rules,
  direction,
  run(graph) {
    const counts: Record<string, number> = Object.fromEntries(rules.map((rule) => [rule.name, 0]));
    for (let sweep = 0; ; sweep++) {
      let fired = 0;
      for (const value of direction === "forward" ? graph.values() : graph.reversed()) {
        const rule = value.isWeight ? undefined : rules.find((r) => r.ops.includes(value.op) && apply(r, value, graph));
        if (rule === undefined) continue;
        counts[rule.name] = (counts[rule.name] ?? 0) + 1;
        fired++;
      }
      if (fired === 0) return counts;
      if (sweep === maxSweeps)
        throw new TimmcError("invalid-ir", `the rules ${rules.map((r) => r.name).join(", ")} do not come to an end`);
    }
  },
});

/** A pass of one rule. */
export const passOf = (rule: Rule, direction?: Direction): Pass => rewriting(rule.name, [rule], direction);
