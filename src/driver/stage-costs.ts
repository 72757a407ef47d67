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
 * The cost of each group of values, in the order given. A group holds its values, a held value its operands, as often as
 * they are operands: from one group to the next only values that begin or cease to be held are looked at, so the
 * stages of a network cost one walk together, whether a stage is what the next one reads or a view beside it.
 */
export function costsUpTo(groups: readonly (readonly Value[])[], parameterNames: ReadonlySet<string>): Cost[] {
  const holders = new Map<Value, number>();
  let macs = 0;
  let params = 0;
  const change = (group: readonly Value[], by: 1 | -1): void => {
    const queue = [...group];
    for (const value of queue) {
      const before = holders.get(value) ?? 0;
      holders.set(value, before + by);
      if (Math.max(before, before + by) > 1) continue;
      macs += by * valueMacs(value);
      if (is(value, "param") && parameterNames.has(value.attrs.key)) params += by * count(value.attrs.shape);
      for (const operand of value.operands) if (operand !== undefined) queue.push(operand);
    }
  };
  let previous: readonly Value[] = [];
  return groups.map((group) => {
    change(group, 1);
    change(previous, -1);
    previous = group;
    return { macs, params };
  });
}
