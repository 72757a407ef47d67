import { builderAt } from "../../ir/builder.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import type { Counts } from "../pass.ts";
import { layoutRules } from "../presets.ts";
import { rewriting } from "../rewriting.ts";
import { pixelsAsRows } from "../rules/pixels-as-rows.ts";
import { type Calibration, type Range, rangeBehind } from "./calibration.ts";
import { hasIntegers } from "./plan.ts";

/** What a calibration says of values, wherever rewrites take them: a new value has a name that no calibration knows. */
export class Seen {
  readonly #ranges = new Map<Value, Range>();
  /** Values whose ops stay in float. */
  readonly float = new Set<Value>();

  constructor(graph: Graph, { ranges, float }: Calibration) {
    const names = new Set(float);
    for (const v of graph.values()) {
      const range = Object.hasOwn(ranges, v.name) ? ranges[v.name] : undefined;
      if (range !== undefined) this.#ranges.set(v, range);
      if (names.has(v.name)) this.float.add(v);
    }
  }

  rangeOf(value: Value): Range | undefined {
    return rangeBehind(value, (x) => this.#ranges.get(x));
  }

  /** Says that `by` has the numbers of `value`, in whatever order. */
  follow(value: Value, by: Value): void {
    const range = this.rangeOf(value);
    if (range !== undefined) this.#ranges.set(by, range);
    if (this.float.has(value)) this.float.add(by);
  }

  /** Applies pixels-as-rows wherever it holds, and takes away the transposes that meet. */
  takePixelsAsRows(graph: Graph): Counts {
    const rule = pixelsAsRows(hasIntegers);
    let fired = 0;
    for (const root of graph.values()) {
      const firing = rule.match(root, graph);
      if (typeof firing === "string") continue;
      fired++;
      const by = firing.rewrite(({ origin: { path, rules } }) =>
        builderAt({ graph, origin: { path, rules: [...rules, rule.name] }, before: root }),
      );
      // The second product, the activation and the first, behind the transpose of the new ones.
      let [old, made]: readonly (Value | undefined)[] = [root, by.operands[0]];
      for (let layer = 0; layer < 3 && old !== undefined && made !== undefined; layer++) {
        this.follow(old, made);
        [old, made] = [old.operands[0], made.operands[0]];
      }
      graph.replaceUses(root, by);
    }
    const counts = rewriting("layout", layoutRules).run(graph);
    return { [rule.name]: fired, ...counts };
  }
}
