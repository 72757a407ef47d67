import { type Dim, symbol } from "../ir/dim.ts";
import { TimmcError, within } from "../ir/error.ts";
import { Graph } from "../ir/graph.ts";
import type { Value } from "../ir/value.ts";
import type { Family, Model } from "./family.ts";
import { type PixelNormalization, inputOf, pixelInput } from "./pixel-input.ts";
import { type Lowering, type Parameter, newLowering, scope } from "./scope.ts";

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

/**
 * Lowers an architecture; `given` holds the user's arguments, read against the family's schema. With `pixels` the graph
 * takes bytes and normalises them, in front of the network. Throws TimmcError.
 */
export function lowerArchitecture(
  family: Family,
  architecture: string,
  given: Readonly<Record<string, unknown>>,
  inputSize: readonly [channels: Dim, height: Dim, width: Dim],
  batch: Dim = batchSymbol,
  pixels?: PixelNormalization,
): LoweredModel {
  const graph = new Graph(architecture);
  const lowering = newLowering(graph);
  const shape = [batch, ...inputSize] as const;
  const { input, image } = pixels === undefined ? plainInput(graph, shape) : pixelInput(graph, shape, pixels);
  const model = within(architecture, () => {
    const built = family.build(scope(lowering, ""), image, architecture, given);
    checkWidths(lowering);
    return built;
  });
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

function plainInput(graph: Graph, shape: readonly Dim[]): { readonly input: Value; readonly image: Value } {
  const input = inputOf(graph, shape, "f32");
  return { input, image: input };
}

/** Every pruned width is that of a convolution: one that none has would leave its network as designed, unnoticed. */
function checkWidths({ widths, parameters }: Lowering): void {
  for (const [path, out] of widths)
    if (parameters.get(`${path}.weight`)?.shape[0] !== out)
      throw new TimmcError("unsupported", `no convolution ${path} has the ${out} channels left by pruning`, {
        hint: "a pruned network takes no arguments that change its layers",
      });
}
