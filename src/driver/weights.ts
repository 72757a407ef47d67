import type { Parameters } from "../backends/parameters.ts";
import { requireWeightsFile } from "../frontend/local-dir.ts";
import { formatReference } from "../frontend/reference.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { adaptWeights } from "../frontend/weights/adapt.ts";
import { matchError, matchWeights } from "../frontend/weights/check.ts";
import { toDType } from "../frontend/weights/load.ts";
import { openWeights } from "../frontend/weights/open.ts";
import type { WeightSource } from "../frontend/weights/source.ts";
import { syntheticSource } from "../frontend/weights/synthetic.ts";
import { TimmcError, within } from "../ir/error.ts";
import type { LoweredModel } from "../zoo/lower.ts";

/** `--weights`: the pretrained ones, the test recipe, none at all, or a file. */
export type WeightsChoice = "pretrained" | "synthetic" | "none" | { readonly file: string };

export const parseWeights = (text: string): WeightsChoice =>
  text === "pretrained" || text === "synthetic" || text === "none" ? text : { file: text };

/** Weights that are ready to be emitted. */
export interface OpenedWeights {
  readonly kind: "pretrained" | "synthetic" | "none" | "file";
  /** The file that was opened, for its hash. */
  readonly path: string | undefined;
  readonly parameters: Parameters;
  /** Parameters without values, and why: outputs that need them are refused. */
  readonly withheld: ReadonlyMap<string, string>;
  readonly notices: readonly string[];
  close(): void;
}

/** Opens the weights of a lowered model: reads headers, never data. Every mismatch with the model is refused here. */
export function openModelWeights(choice: WeightsChoice, resolved: ResolvedModel, lowered: LoweredModel): OpenedWeights {
  if (choice === "none") return opened("none", undefined, syntheticSource([]), new Map());
  if (choice === "synthetic") return opened("synthetic", undefined, syntheticSource(lowered.parameters), new Map());
  const path = choice === "pretrained" ? pretrainedFile(resolved) : choice.file;
  const source = openWeights(path);
  try {
    return adapt(choice === "pretrained" ? "pretrained" : "file", path, source, resolved, lowered);
  } catch (error) {
    source.close();
    throw error;
  }
}

function pretrainedFile(resolved: ResolvedModel): string {
  if (resolved.local !== undefined) return requireWeightsFile(resolved.local);
  throw new TimmcError(
    "unsupported",
    `${formatReference(resolved.reference)}: pretrained weights are not downloaded yet`,
    {
      hint: "use --weights FILE.safetensors, local-dir:FOLDER, --weights synthetic, or --weights none for the structure alone",
    },
  );
}

/** The classes of a file that the user names: its own classifier tells, not the configuration of other weights. */
const fileClasses = (source: WeightSource, classifiers: readonly string[]): number | undefined =>
  source.get(`${classifiers[0] ?? ""}.weight`)?.shape[0];

function adapt(
  kind: "pretrained" | "file",
  path: string,
  source: WeightSource,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): OpenedWeights {
  const { cfg } = resolved;
  const adapted = adaptWeights(source, {
    inChans: resolved.inputSize[0],
    numClasses: resolved.featuresOnly ? 0 : resolved.numClasses,
    cfg: {
      firstConv: list(cfg.first_conv),
      classifier: list(cfg.classifier),
      numClasses: (kind === "file" ? fileClasses(source, list(cfg.classifier)) : undefined) ?? cfg.num_classes,
      labelOffset: cfg.label_offset ?? 0,
    },
  });
  const withheld = new Map(adapted.withheld.map((w) => [w.name, w.reason]));
  const match = matchWeights(
    adapted.source,
    lowered.parameters.filter((p) => !withheld.has(p.name)),
  );
  const error = matchError(source, match);
  if (error !== undefined) throw error;
  const unexpected =
    match.unexpected.length > 0
      ? [
          `${source.label} holds ${match.unexpected.length} entries that the model does not read, such as ${match.unexpected[0]}`,
        ]
      : [];
  return { ...opened(kind, path, adapted.source, withheld), notices: [...(source.notices ?? []), ...unexpected] };
}

const list = (v: string | readonly string[] | null): readonly string[] =>
  v === null ? [] : typeof v === "string" ? [v] : v;

function opened(
  kind: OpenedWeights["kind"],
  path: string | undefined,
  source: WeightSource,
  withheld: ReadonlyMap<string, string>,
): OpenedWeights {
  const parameters: Parameters = {
    bytes: (key, type) =>
      within(key, () => {
        const data = source.get(key);
        if (data === undefined) throw new TimmcError("weights", `${source.label} has no values for this parameter`);
        return data.dtype === type.dtype ? data.read() : toDType(data, type.dtype);
      }),
  };
  return { kind, path, parameters, withheld, notices: [], close: () => source.close() };
}

/** Refuses outputs that depend on parameters without values, naming the output and the reason. */
export function refuseWithheld({ graph }: LoweredModel, { withheld }: OpenedWeights): void {
  if (withheld.size === 0) return;
  for (const { name, value } of graph.outputs) {
    const seen = new Set([value]);
    for (const v of seen) {
      const reason = v.op === "param" ? withheld.get(v.name) : undefined;
      if (reason !== undefined)
        throw new TimmcError("weights", `the tap ${name} needs ${v.name}: ${reason}`, {
          hint: "ask for other taps, such as --taps pre_logits,features, or for the checkpoint's own classes with --arg num_classes=N",
        });
      for (const x of v.operands) if (x !== undefined) seen.add(x);
    }
  }
}
