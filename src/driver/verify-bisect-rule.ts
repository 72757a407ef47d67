import type { Graph } from "../ir/graph.ts";
import type { Pass } from "../passes/pass.ts";
import { rewriting } from "../passes/rewriting.ts";
import type { Rule } from "../passes/rule.ts";

/** One application of a rule within a pass. */
export interface Firing {
  readonly rule: string;
  /** The module path of what it made. */
  readonly path: string;
  /** Which application it is, from 1, and how many the pass has. */
  readonly nth: number;
  readonly of: number;
}

/**
 * Where a pass makes a right graph wrong, an application before which the graph is right and after which it is wrong: a
 * pass of rules can stop after any number of applications, so halving finds one in a logarithm of them. Undefined for a
 * pass without rules, and for one that leaves the graph right.
 */
export async function findFiring(
  { name, rules, direction }: Pass,
  before: Graph,
  isRight: (graph: Graph) => Promise<boolean>,
): Promise<Firing | undefined> {
  if (rules === undefined) return undefined;
  const firstOf = (limit: number): { readonly graph: Graph; readonly fired: readonly Omit<Firing, "nth" | "of">[] } => {
    const { graph } = before.clone();
    const fired: Omit<Firing, "nth" | "of">[] = [];
    const limited = rules.map((rule) => upTo(rule, limit, fired));
    rewriting(name, limited, direction).run(graph);
    return { graph, fired };
  };
  const { graph, fired } = firstOf(Infinity);
  if (await isRight(graph)) return undefined;
  let [right, wrong] = [0, fired.length];
  while (wrong - right > 1) {
    const middle = Math.floor((right + wrong) / 2);
    if (await isRight(firstOf(middle).graph)) right = middle;
    else wrong = middle;
  }
  const found = fired[wrong - 1];
  return found === undefined ? undefined : { ...found, nth: wrong, of: fired.length };
}

/** The rule, until all rules together have been applied so many times. */
const upTo = (rule: Rule, limit: number, fired: { rule: string; path: string }[]): Rule => ({
  ...rule,
  match: (value, graph) => {
    if (fired.length >= limit) return "the limit is reached";
    const firing = rule.match(value, graph);
    if (typeof firing === "string") return firing;
    return {
      ...firing,
      rewrite: (on) => {
        fired.push({ rule: rule.name, path: firing.path });
        return firing.rewrite(on);
      },
    };
  },
});
