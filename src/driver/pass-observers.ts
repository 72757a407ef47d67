import { byteSize } from "../ir/dtype.ts";
import type { Graph } from "../ir/graph.ts";
import { needed } from "../ir/interpret.ts";
import { graphMacs } from "../ir/macs.ts";
import { printGraph } from "../ir/printer.ts";
import { count } from "../ir/type.ts";
import { type Value, is } from "../ir/value.ts";
import type { Counts, Observer, Pipeline } from "../passes/pass.ts";
import { positionAfter } from "./pipeline.ts";

/** The size of what runs of a graph: the values that an output depends on, inputs and weights apart. */
export interface GraphSize {
  readonly nodes: number;
  /** Multiply-accumulates per image. */
  readonly macs: number;
}

/** Measures a graph at values of its symbols, by default one image; what a fixed batch multiplies is divided by it. */
export function measureGraph(
  graph: Graph,
  batch: number | "dynamic" = "dynamic",
  symbols?: Readonly<Record<string, number>>,
): GraphSize {
  const nodes = runningIn(graph).size;
  const macs = graphMacs(graph, symbols);
  return { nodes, macs: batch === "dynamic" ? macs : Math.round(macs / batch) };
}

/** The values that an output depends on, inputs and weights apart. */
const runningIn = (graph: Graph): ReadonlySet<Value> =>
  new Set(needed(graph).filter((v) => !v.isWeight && v.op !== "input"));

/** Bytes of the parameters and buffers that an output depends on. */
export const parameterBytes = (graph: Graph): number =>
  needed(graph).reduce((sum, v) => sum + (is(v, "param") ? count(v.attrs.shape) * byteSize(v.type.dtype) : 0), 0);

/** What a pass did and the graph that it left. */
export interface PassReport extends GraphSize {
  readonly pass: string;
  readonly counts: Counts;
}

/** Adds a report per pass to a list. */
export const reporting = (
  reports: PassReport[],
  batch: number | "dynamic" | undefined,
  symbols?: Readonly<Record<string, number>>,
): Observer => ({
  after: (pass, graph, counts) =>
    void reports.push({ pass: pass.name, counts, ...measureGraph(graph, batch, symbols) }),
});

/** What a pass took, and whether what runs is as it was: then it touched weights and unused values alone. */
export interface PassTrace {
  readonly milliseconds: number;
  readonly leavesRunning: boolean;
}

/** Adds a trace per pass to a list; the first of several observers, it leaves the others' time out. */
export function tracing(traces: PassTrace[]): Observer {
  let from = 0;
  let running: ReadonlySet<Value> = new Set();
  return {
    before: (_, graph) => {
      running = runningIn(graph);
      from = performance.now();
    },
    after: (_, graph) => {
      const milliseconds = performance.now() - from;
      const now = runningIn(graph);
      traces.push({ milliseconds, leavesRunning: now.size === running.size && [...now].every((v) => running.has(v)) });
    },
  };
}

/**
 * Prints the graph after every run of the passes that are named; `all` names all of them. A comment says where in the
 * pipeline each text is, so that all of it reads back as textual IR. Throws `usage` for a name that the pipeline has not.
 */
export function printing(
  names: readonly string[],
  pipeline: Pipeline,
  { owner, print }: { readonly owner: string; readonly print: (text: string) => void },
): Observer {
  for (const name of names) if (name !== "all") positionAfter(pipeline, name, owner);
  let position = 0;
  return {
    after: (pass, graph) => {
      position++;
      if (!names.includes("all") && !names.includes(pass.name)) return;
      print(`// after ${pass.name}, pass ${position} of ${pipeline.length}\n${printGraph(graph)}`);
    },
  };
}
