import { type Dim, symbol } from "../ir/dim.ts";
import { within } from "../ir/error.ts";
import { Graph } from "../ir/graph.ts";
import type { Value } from "../ir/value.ts";
import type { Family, Model } from "./family.ts";
import { type Lowering, type Parameter, scope } from "./scope.ts";

/** A whole architecture as a graph, before anybody has chosen outputs. */
export interface LoweredModel {
  readonly architecture: string;
  readonly graph: Graph;
  readonly input: Value;
  /** Every entry of the checkpoint, in the order of the forward pass. */
  readonly parameters: readonly Parameter[];
  readonly modules: ReadonlyMap<string, readonly Value[]>;
  readonly model: Model;
  readonly notices: readonly string[];
}

/** The batch dimension, unless a caller fixes it. */
export const batchSymbol: Dim = symbol("N");

/** Lowers an architecture; `given` holds the user's arguments, read against the family's schema. Throws TimmcError. */
export function lowerArchitecture(
  family: Family,
  architecture: string,
  given: Readonly<Record<string, unknown>>,
  inputSize: readonly [channels: Dim, height: Dim, width: Dim],
  batch: Dim = batchSymbol,
): LoweredModel {
  const graph = new Graph(architecture);
  const lowering: Lowering = {
    graph,
    parameters: new Map(),
    modules: new Map(),
    shared: new Map(),
    widths: new Map(),
    notices: new Set(),
  };
  const input = graph.insert("input", [], { shape: [batch, ...inputSize] }, { path: "input", rules: [] });
  const model = within(architecture, () => family.build(scope(lowering, ""), input, architecture, given));
  return {
    architecture,
    graph,
    input,
    parameters: [...lowering.parameters.values()].map(({ name, shape, dtype, kind }) => ({ name, shape, dtype, kind })),
    modules: lowering.modules,
    model,
    notices: [...lowering.notices],
  };
}
