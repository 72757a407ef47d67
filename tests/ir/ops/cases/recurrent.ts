import type { Attrs } from "../../../../src/ir/value.ts";
import { N, type Subject, body, cases, weight } from "./case.ts";

const lstm: Subject<Attrs<"lstm">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const [steps, inputs, hidden] = d.ints(3, 1, 5) as [number, number, number];
    const direction = d.of("forward", "bidirectional");
    const ways = direction === "forward" ? 1 : 2;
    return {
      operands: [
        body([N, steps, inputs]),
        weight([ways, 4 * hidden, inputs]),
        weight([ways, 4 * hidden, hidden]),
        d.flag() ? weight([ways, 8 * hidden]) : undefined,
      ],
      attrs: { direction },
    };
  }),
  /** Every direction is an operator of its own; their results, of one direction each, lie side by side. */
  hand: (m, { names: [x = "", w = "", r = "", b = ""], arrays, attrs: { direction } }) => {
    const stepsFirst = m.op("Transpose", [x], { perm: [1, 0, 2] });
    const way = (i: number): string => {
      const [own, recurrence, bias] = [w, r, b].map((name) =>
        name === "" ? "" : m.op("Slice", [name, m.ints([i]), m.ints([i + 1]), m.ints([0])]),
      );
      const made = m.op("LSTM", [stepsFirst, own ?? "", recurrence ?? "", ...(bias ? [bias] : [])], {
        direction: i === 0 ? "forward" : "reverse",
        hidden_size: arrays[2]?.shape[2] ?? 1,
      });
      return m.op("Transpose", [m.op("Squeeze", [made, m.ints([1])])], { perm: [1, 0, 2] });
    };
    return direction === "forward" ? way(0) : m.op("Concat", [way(0), way(1)], { axis: -1 });
  },
};

export const recurrent = { lstm } as const satisfies Record<string, Subject<never>>;
