import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import type { Rule } from "./rule.ts";

/** From the inputs to the outputs, or back: rules that take long chains at once begin at their ends. */
export type Direction = "forward" | "backward";

/** What a pass did, by rule: `{ "fold-batch-norm": 53 }`. */
export type Counts = Readonly<Record<string, number>>;

/** Maps a valid graph to a valid graph of the same function on every output. Keeps no state. */
export interface Pass {
  readonly name: string;
  /** The rules that it applies; absent for a pass that looks at the whole graph. */
  readonly rules?: readonly Rule[];
  /** The order in which it applies them. */
  readonly direction?: Direction;
  run(graph: Graph): Counts;
}

/** A pipeline is a value: passes in order. */
export type Pipeline = readonly Pass[];

/** What one pass of a run did. */
export interface PassRun {
  readonly pass: string;
  readonly counts: Counts;
}

/** Sees a run from outside: verification, printing and timing are observers. */
export interface Observer {
  before?(pass: Pass, graph: Graph): void;
  after?(pass: Pass, graph: Graph, counts: Counts): void;
}

/** Runs the passes on the graph itself. An error names the pass that it happened in. */
export function runPipeline(graph: Graph, pipeline: Pipeline, observers: readonly Observer[] = []): PassRun[] {
  return pipeline.map((pass) => {
    try {
      for (const observer of observers) observer.before?.(pass, graph);
      const counts = pass.run(graph);
      for (const observer of observers) observer.after?.(pass, graph, counts);
      return { pass: pass.name, counts };
    } catch (error) {
      throw error instanceof TimmcError ? error.within(`pass ${pass.name}`) : error;
    }
  });
}
