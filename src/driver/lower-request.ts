import { TimmcError, within } from "../ir/error.ts";
import type { Dim } from "../ir/dim.ts";
import { type Located, type ModelRequest, type ResolvedModel, resolve, resolveLocated } from "../frontend/resolve.ts";
import { normalizationOf, requirePictureChannels } from "../frontend/preprocess/normalization.ts";
import { formatReference } from "../frontend/reference.ts";
import { didYouMean, nearNames, quote } from "../frontend/suggest.ts";
import { type Tap, resolveTaps, selectStages } from "../frontend/taps.ts";
import type { TapForm } from "../frontend/tap-form.ts";
import type { TapFormat } from "../frontend/tap-names.ts";
import { type LoweredModel, batchSymbol, lowerArchitecture } from "../zoo/lower.ts";
import { type DynamicSize, atMultiple, dynamicNotice, requireWhole, sizeSymbols, withAnySize } from "./dynamic-size.ts";
import { type Layout, defaultTaps, layoutNotices } from "./layout/layout.ts";

/** What to lower and which outputs to keep; inspect and compile share it. */
export interface LowerRequest extends ModelRequest {
  /** Tap names in order; without, those of the layout: `logits`, with features_only `features`. */
  readonly taps?: readonly string[] | undefined;
  /** A fixed batch size, or `dynamic`. */
  readonly batch?: number | "dynamic" | undefined;
  /** The axes of features: `native` as the network has them, or one order for all. */
  readonly tapFormat?: TapFormat | undefined;
  /** Features after the network's final norm, where it is one of the stage. */
  readonly tapNorm?: boolean | undefined;
  /** Logits as probabilities. */
  readonly softmax?: boolean | undefined;
  /** The graph takes pixels, u8 [N, height, width, channels] at the network's size, and normalises them itself. */
  readonly preprocess?: boolean | undefined;
  /**
   * Height and width are open: every multiple of this number, or of the smallest that the network takes. The input size is then
   * that of costs, of tests and of pictures.
   */
  readonly dynamicSize?: DynamicSize | undefined;
}

/** What of a request is left to say when its model is resolved. */
type LoweringRequest = Pick<
  LowerRequest,
  "cfg" | "taps" | "tapFormat" | "tapNorm" | "softmax" | "batch" | "preprocess" | "dynamicSize"
>;

/** A graph with its outputs chosen and nothing rewritten yet. */
export interface LoweredRequest {
  readonly request: LoweringRequest;
  readonly resolved: ResolvedModel;
  readonly lowered: LoweredModel;
  /** The taps as they were asked for, and what they stand for. */
  readonly tapNames: readonly string[];
  readonly taps: readonly Tap[];
  readonly form: TapForm;
  /** Absolute indices of the stages that `features` stands for. */
  readonly stages: readonly number[];
  readonly preprocess: boolean;
  /** Of what height and width are multiples, where they are open. */
  readonly multiple: number | undefined;
  readonly notices: readonly string[];
}

/**
 * From a reference to a graph whose outputs are the taps asked for, or the layout's. `named` is what the reference names,
 * where that is looked up already. Throws TimmcError with the model in its trail.
 */
export async function lowerRequest(
  request: LowerRequest,
  layout: Layout = "plain",
  named?: Located,
): Promise<LoweredRequest> {
  const resolved = await (named === undefined ? resolve(request) : resolveLocated(request, named));
  within(formatReference(resolved.reference), () => requireChannelNumbers(request, resolved));
  return lowerResolved(resolved, request, layout);
}

/**
 * Refuses lists of a length that the user cannot have meant. One number is for all channels, and those of the pretrained
 * configuration's own channels are averaged, as timm does for pictures of others.
 */
function requireChannelNumbers({ cfg }: LowerRequest, { cfg: { input_size: own }, inputSize }: ResolvedModel): void {
  const [channels] = inputSize;
  for (const name of ["mean", "std"] as const) {
    const given = cfg?.[name];
    if (!Array.isArray(given) || [1, channels, own[0]].includes(given.length)) continue;
    throw new TimmcError("usage", `cfg.${name} has ${given.length} numbers for an input of ${channels} channels`, {
      hint: "Give one per channel, or one for all.",
    });
  }
}

/** The same as `within`, for errors of the lowering, which may begin with the model's name already. */
function withinModel<T>(model: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof TimmcError && error.trail[0] !== model ? error.within(model) : error;
  }
}

/** The same for a request that is resolved already. */
export function lowerResolved(
  given: ResolvedModel,
  request: LoweringRequest,
  layout: Layout = "plain",
): LoweredRequest {
  const { preprocess = false, dynamicSize } = request;
  const resolved = dynamicSize === undefined ? given : withAnySize(given);
  const form: TapForm = {
    format: request.tapFormat ?? "native",
    norm: request.tapNorm ?? false,
    softmax: request.softmax ?? false,
  };
  const batch: Dim = typeof request.batch === "number" ? request.batch : batchSymbol;
  const { family, architecture, args, inputSize, data, cfg } = resolved;
  return withinModel(formatReference(resolved.reference), () => {
    if (preprocess) requirePictureChannels(inputSize[0], "Leave --preprocess out, and normalise the input before.");
    const pixels = preprocess ? normalizationOf(data) : undefined;
    const designed = [cfg.input_size[1], cfg.input_size[2]] as const;
    const lower = (sides: readonly [Dim, Dim]): LoweredModel =>
      lowerArchitecture(family, architecture, args, [inputSize[0], ...sides], batch, pixels, designed);
    const { lowered, multiple } =
      dynamicSize === undefined
        ? { lowered: lower([inputSize[1], inputSize[2]]), multiple: undefined }
        : atMultiple(dynamicSize, lower);
    if (multiple !== undefined) requireWhole(multiple, inputSize);
    const defaults = lowered.model.defaultStages ?? resolved.family.lastStages;
    const stages = selectStages(lowered.model.stages.length, defaults, resolved.outIndices);
    const tapNames = request.taps ?? defaultTaps(layout, resolved, lowered.model);
    if (form.softmax && resolved.numClasses === 0 && tapNames.includes("logits"))
      throw new TimmcError("usage", "softmax makes probabilities of classes, and the network has none", {
        hint: "Leave softmax out, or ask for classes with num_classes.",
      });
    const taps = resolveTaps(lowered, tapNames, stages, form);
    requireNamedModules(request, resolved, lowered);
    lowered.graph.setOutputs(taps.map(({ name, value }) => ({ name, value })));
    return {
      request,
      resolved,
      lowered,
      tapNames,
      taps,
      form,
      stages,
      preprocess,
      multiple,
      notices: [
        ...resolved.notices,
        ...lowered.notices,
        ...(multiple === undefined ? [] : [dynamicNotice(multiple, inputSize)]),
        ...idleForms(form, taps),
        ...layoutNotices(layout, lowered.model),
      ],
    };
  });
}

/** What was asked of the taps and touches none of them. */
function idleForms({ norm, softmax, format }: TapForm, taps: readonly Tap[]): string[] {
  return [
    ...(format !== "native" && !taps.some(({ name }) => /^features\.\d+$/.test(name))
      ? ["tap-format has no effect: features are not among the taps"]
      : []),
    ...(softmax && !taps.some((t) => t.softmax === true)
      ? ["softmax has no effect: logits are not among the taps"]
      : []),
    ...(norm && !taps.some((t) => t.norm === true)
      ? ["tap-norm has no effect: the final norm is none of the features that are asked for"]
      : []),
  ];
}

/**
 * Refuses modules in --cfg that the network does not have: they say which weights follow the channels and the classes.
 * Without a classifier nothing has its name.
 */
function requireNamedModules(
  { cfg: given = {} }: Pick<LowerRequest, "cfg">,
  { cfg, numClasses }: ResolvedModel,
  { parameters }: LoweredModel,
): void {
  const modules = parameters.flatMap(({ name, shape }) =>
    name.endsWith(".weight") && shape.length > 1 ? [name.slice(0, -".weight".length)] : [],
  );
  for (const field of ["first_conv", "classifier"] as const) {
    if (!Object.hasOwn(given, field) || (field === "classifier" && numClasses === 0)) continue;
    const missing = [cfg[field] ?? []].flat().find((name) => !modules.includes(name));
    if (missing === undefined) continue;
    throw new TimmcError("usage", `cfg.${field} names ${quote(missing)}, which is no module with weights`, {
      hint:
        didYouMean(nearNames(missing, modules)) ??
        `For example ${quote((field === "classifier" ? modules.at(-1) : modules[0]) ?? "")}.`,
    });
  }
}

/**
 * The same request with a dynamic batch and the size that it has by itself. Published costs are counted on it, so that they do
 * not depend on --batch and --dynamic-size.
 */
export const perImageOf = (lowering: LoweredRequest): LoweredRequest => {
  const { request, multiple, resolved, tapNames } = lowering;
  if (typeof request.batch !== "number" && multiple === undefined) return lowering;
  return lowerResolved(resolved, { ...request, taps: tapNames, batch: "dynamic", dynamicSize: undefined });
};

/** The values of all symbols at the size of the request, one image. */
export const symbolsOf = ({ multiple, resolved: { inputSize } }: LoweredRequest): Readonly<Record<string, number>> => ({
  N: 1,
  ...(multiple === undefined ? {} : sizeSymbols(multiple, [inputSize[1], inputSize[2]])),
});
