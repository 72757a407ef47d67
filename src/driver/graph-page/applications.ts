import type { Graph } from "../../ir/graph.ts";
import { needed } from "../../ir/interpret.ts";
import type { Value } from "../../ir/value.ts";
import type { Pass, Pipeline } from "../../passes/pass.ts";
import { rewriting } from "../../passes/rewriting.ts";
import type { Rule } from "../../passes/rule.ts";
import { modulePathOf } from "./module-tree.ts";

/** One application of a rule, or all that a pass over the whole graph did. */
export interface Application {
  /** The rule's name, or the pass's. */
  readonly rule: string;
  /** The module whose the result is; undefined for a pass over the whole graph. */
  readonly into: string | undefined;
  /** The modules whose operations it took away or replaced. */
  readonly took: readonly string[];
}

/** The same passes, which add to a list what each application of their rules takes. */
export const recording = (pipeline: Pipeline, applications: Application[]): Pipeline =>
  pipeline.map((pass) => ({
    ...pass,
    run: (graph) => {
      if (pass.rules === undefined) return runWhole(pass, graph, applications);
      const firings: { rule: string; into: string; consumed: readonly Value[] }[] = [];
      const recorded = pass.rules.map((rule): Rule => ({
        ...rule,
        match: (value, within) => {
          const firing = rule.match(value, within);
          if (typeof firing === "string") return firing;
          const rewrite: typeof firing.rewrite = (on) => {
            firings.push({ rule: rule.name, into: firing.path, consumed: firing.consumed });
            return firing.rewrite(on);
          };
          return { ...firing, rewrite };
        },
      }));
      const counts = rewriting(pass.name, recorded, pass.direction).run(graph);
      // Patterns also cover values that stay for other users.
      for (const { consumed, ...firing } of firings)
        applications.push({ ...firing, took: modulesOf(consumed.filter((v) => !graph.owns(v))) });
      return counts;
    },
  }));

/** What a pass without rules took: the values that ran and are gone. */
function runWhole(pass: Pass, graph: Graph, applications: Application[]): ReturnType<Pass["run"]> {
  const before = needed(graph);
  const counts = pass.run(graph);
  const took = modulesOf(before.filter((v) => !graph.owns(v)));
  if (took.length > 0) applications.push({ rule: pass.name, into: undefined, took });
  return counts;
}

const modulesOf = (values: readonly Value[]): string[] => [
  ...new Set(values.flatMap((v) => (v.isWeight || v.op === "input" ? [] : [modulePathOf(v)]))),
];
