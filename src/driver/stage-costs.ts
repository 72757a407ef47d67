import { valueMacs } from "../ir/macs.ts";
import { count } from "../ir/type.ts";
import { type Value, is } from "../ir/value.ts";

/** What values cost with everything that they depend on. */
export interface Cost {
  /** Multiply-accumulates at the graph's batch size, a symbolic one counted as 1. */
  readonly macs: number;
  /** Elements of the parameters that are read; buffers are no parameters. */
  readonly params: number;
}

/**
 * The cost of each group of values, in the order given. Where a group depends on the one before it, as feature stages
 * do, only what lies between the two is walked: the whole list costs one walk.
 */
export function costsUpTo(groups: readonly (readonly Value[])[], parameterNames: ReadonlySet<string>): Cost[] {
  let known = new Set<Value>();
  let cost: Cost = { macs: 0, params: 0 };
  let previous: readonly Value[] = [];
  return groups.map((group) => {
    const { fresh, reached } = ancestors(group, known);
    if (previous.every((v) => reached.has(v))) {
      for (const v of fresh) known.add(v);
      cost = total(cost, fresh, parameterNames);
    } else {
      known = ancestors(group, new Set()).fresh;
      cost = total({ macs: 0, params: 0 }, known, parameterNames);
    }
    previous = group;
    return cost;
  });
}

function total(before: Cost, values: ReadonlySet<Value>, parameterNames: ReadonlySet<string>): Cost {
  let { macs, params } = before;
  for (const value of values) {
    macs += valueMacs(value);
    if (is(value, "param") && parameterNames.has(value.attrs.key)) params += count(value.attrs.shape);
  }
  return { macs, params };
}

/** The values and what they depend on, short of `known`: those outside it, and those of it at the border. */
function ancestors(group: readonly Value[], known: ReadonlySet<Value>): { fresh: Set<Value>; reached: Set<Value> } {
  const fresh = new Set<Value>();
  const reached = new Set<Value>();
  const visit = (v: Value): void => {
    if (known.has(v)) reached.add(v);
    else fresh.add(v);
  };
  group.forEach(visit);
  for (const v of fresh) for (const x of v.operands) if (x !== undefined) visit(x);
  return { fresh, reached };
}
