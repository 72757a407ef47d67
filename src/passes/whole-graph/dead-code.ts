import type { Pass } from "../pass.ts";

/** Erases what no output depends on: the network behind the last tap, and the weights that only it read. */
export const deadCode: Pass = {
  name: "dead-code",
  run(graph) {
    let erased = 0;
    for (const value of graph.reversed()) {
      if (value.op === "input" || graph.useCount(value) > 0) continue;
      graph.erase(value);
      erased++;
    }
    return { "dead-code": erased };
  },
};
