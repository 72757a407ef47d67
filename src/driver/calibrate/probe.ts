import type { Graph } from "../../ir/graph.ts";
import { byteLength, isStaticType, substituteType } from "../../ir/type.ts";
import type { Value } from "../../ir/value.ts";

/** Bytes of values that one run gives beside the network's own memory. */
const groupBytes = 384 * 2 ** 20;

/** Values in graph order, in as few groups as hold `groupBytes` each at a batch. */
export function groupsOf(values: readonly Value[], batch: number): Value[][] {
  const groups: Value[][] = [];
  let room = 0;
  for (const value of values) {
    const type = substituteType(value.type, { N: batch });
    const bytes = isStaticType(type) ? byteLength(type) : 0;
    if (groups.length === 0 || bytes > room) {
      groups.push([]);
      room = groupBytes;
    }
    room -= bytes;
    groups.at(-1)?.push(value);
  }
  return groups;
}

/** A copy of a graph whose outputs are the values of a group, called by their places in it. */
export function probing(graph: Graph, group: readonly Value[]): Graph {
  const { graph: probe, map } = graph.clone();
  probe.setOutputs(group.map((value, i) => ({ name: probeName(i), value: map.get(value) ?? value })));
  return probe;
}

export const probeName = (index: number): string => `seen.${index}`;
