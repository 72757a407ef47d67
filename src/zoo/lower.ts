import { type Dim, symbol } from "../ir/dim.ts";
import { TimmcError, within } from "../ir/error.ts";
import { Graph } from "../ir/graph.ts";
import type { Value } from "../ir/value.ts";
import type { Family, Model } from "./family.ts";
import { type PixelNormalization, inputOf, pixelInput } from "./pixel-input.ts";
import { type Lowering, type Parameter, newLowering, scope } from "./scope.ts";
import { sizeRefusal } from "./size-advice.ts";

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
 * takes bytes and normalises them, in front of the network. A refusal of the input's size advises one that compiles, among
 * them `designSize`. Throws TimmcError.
 */
export function lowerArchitecture(
  family: Family,
  architecture: string,
  given: Readonly<Record<string, unknown>>,
  inputSize: readonly [channels: Dim, height: Dim, width: Dim],
  batch: Dim = batchSymbol,
  pixels?: PixelNormalization,
  designSize?: readonly [height: number, width: number],
): LoweredModel {
  const graph = new Graph(architecture);
  const lowering = newLowering(graph);
  const shape = [batch, ...inputSize] as const;
  const { input, image } = pixels === undefined ? plainInput(graph, shape) : pixelInput(graph, shape, pixels);
  const model = within(architecture, () => {
    try {
      return build(family, architecture, given, image, lowering);
    } catch (error) {
      if (!(error instanceof TimmcError)) throw error;
      const lowers = (args: Readonly<Record<string, unknown>>, size: readonly Dim[]): boolean =>
        isBuilt(family, architecture, args, [batch, ...size]);
      throw sizeRefusal(error, { family, architecture, given, inputSize, designSize, lowers });
    }
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

/** The network over an image. Throws TimmcError. */
function build(
  family: Family,
  architecture: string,
  given: Readonly<Record<string, unknown>>,
  image: Value,
  lowering: Lowering,
): Model {
  const model = family.build(scope(lowering, ""), image, architecture, given);
  checkWidths(lowering);
  return model;
}

/** Whether the network can be built with these arguments, in a graph that is dropped. */
function isBuilt(
  family: Family,
  architecture: string,
  given: Readonly<Record<string, unknown>>,
  shape: readonly Dim[],
): boolean {
  const graph = new Graph(architecture);
  try {
    build(family, architecture, given, plainInput(graph, shape).image, newLowering(graph));
    return true;
  } catch (error) {
    if (error instanceof TimmcError) return false;
    throw error;
  }
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
