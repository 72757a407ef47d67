import { didYouMean, nearNames } from "./suggest.ts";
import type { Dim } from "../ir/dim.ts";
import { TimmcError } from "../ir/error.ts";
import type { Value } from "../ir/value.ts";
import type { Format, Stage } from "../zoo/family.ts";
import type { LoweredModel } from "../zoo/lower.ts";

/** One output of the compiled model, and what the manifest says of it. */
export interface Tap {
  /** The output's name in every target. */
  readonly name: string;
  readonly value: Value;
  /** The module whose result this is, where one has it. */
  readonly module?: string;
  readonly channels?: Dim;
  readonly reduction?: number;
  readonly format?: Format;
}

/**
 * Which stages timm's features_only returns, as absolute indices in the order asked. Without out_indices there are none
 * where the network has fewer stages than the family's default: timm refuses it, and so does the tap `features`.
 */
export function selectStages(
  count: number,
  defaults: number | undefined,
  outIndices: number | readonly number[] | undefined,
): readonly number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (outIndices === undefined) {
    if (defaults === undefined) return all;
    return defaults > count ? [] : all.slice(-defaults);
  }
  if (typeof outIndices === "number") {
    if (outIndices > count) throw outOfRange(outIndices, count);
    return all.slice(count - outIndices);
  }
  return outIndices.map((i) => {
    const index = i < 0 ? count + i : i;
    if (index < 0 || index >= count) throw outOfRange(i, count);
    return index;
  });
}

const outOfRange = (index: number, count: number): TimmcError =>
  new TimmcError("usage", `out_indices: there is no stage ${index}`, {
    hint: `the stages are 0 to ${count - 1} (or -${count} to -1)`,
  });

const fewerStages = (count: number): TimmcError =>
  new TimmcError("usage", `features: timm returns more stages than the ${count} that there are`, {
    hint: count === 0 ? "this architecture has no feature stages" : `choose among them: --arg out_indices=${count}`,
  });

export const channelsOf = (stage: Stage): Dim => stage.channels ?? channelAxis(stage.value, stage.format);

const channelAxis = (value: Value, format: Format): Dim =>
  (format === "NCHW" ? value.type.shape[1] : value.type.shape.at(-1)) ?? 0;

const plainTaps = ["logits", "pre_logits", "forward_features", "features"] as const;

/** The grammar of --taps, for help texts. */
export const tapGrammar = `${plainTaps.join(", ")}, features.N, module:PATH`;

/** Attention maps and prefix tokens, which the documentation names. */
const laterTaps = /^attn:|^features\.\d+\.prefix$/;

/**
 * Resolves tap names to values, in the order asked; a tap that timm returns as several tensors becomes NAME.0, NAME.1.
 * `stages` are the absolute indices that `features` stands for. Throws `usage` with the near names.
 */
export function resolveTaps(lowered: LoweredModel, names: readonly string[], stages: readonly number[]): Tap[] {
  const taps = names.flatMap((name) => resolveTap(lowered, name.trim(), stages));
  if (taps.length === 0) throw new TimmcError("usage", "no taps are asked for", { hint: `--taps takes ${tapGrammar}` });
  const seen = new Set<string>();
  for (const { name } of taps) {
    if (seen.has(name)) throw new TimmcError("usage", `the tap ${name} is asked for twice`);
    seen.add(name);
  }
  return taps;
}

function resolveTap(lowered: LoweredModel, name: string, stages: readonly number[]): Tap[] {
  const { model } = lowered;
  switch (name) {
    case "logits":
      return several(name, model.logits);
    case "pre_logits":
      return several(name, model.preLogits);
    case "forward_features":
      return several(name, model.forwardFeatures).map((t) => ({
        ...t,
        format: model.format,
        channels: channelAxis(t.value, model.format),
      }));
    case "features":
      if (stages.length === 0) throw fewerStages(model.stages.length);
      return stages.map((i) => stageTap(model.stages, i));
    default:
  }
  const index = /^features\.(\d+)$/.exec(name)?.[1];
  if (index !== undefined) return [stageTap(model.stages, Number(index))];
  if (name.startsWith("module:")) return moduleTap(lowered, name);
  if (laterTaps.test(name)) throw new TimmcError("usage", `the tap ${name} is not in this version of timmc`);
  const near = didYouMean(nearNames(name, plainTaps, 2));
  throw new TimmcError("usage", `unknown tap ${JSON.stringify(name)}`, {
    hint: `${near === undefined ? "" : `${near} `}--taps takes a list of ${tapGrammar}`,
  });
}

const several = (name: string, values: readonly Value[]): Tap[] =>
  values.map((value, i) => ({ name: values.length === 1 ? name : `${name}.${i}`, value }));

function stageTap(stages: readonly Stage[], index: number): Tap {
  const stage = stages[index];
  if (stage === undefined)
    throw new TimmcError("usage", `there is no tap features.${index}`, {
      hint:
        stages.length === 0
          ? "this architecture has no feature stages"
          : `the stages are features.0 to features.${stages.length - 1}`,
    });
  if (stage.refused !== undefined) throw new TimmcError("unsupported", `features.${index}: ${stage.refused}`);
  const { module, value, reduction, format } = stage;
  return { name: `features.${index}`, value, module, channels: channelsOf(stage), reduction, format };
}

function moduleTap({ modules }: LoweredModel, name: string): Tap[] {
  const path = name.slice("module:".length);
  const whole = modules.get(path);
  if (whole !== undefined) return several(name, whole).map((t) => ({ ...t, module: path }));
  const call = /^(.*)\.(\d+)$/.exec(path);
  const results = call?.[1] === undefined ? undefined : modules.get(call[1]);
  const one = results !== undefined && results.length > 1 ? results[Number(call?.[2])] : undefined;
  if (one !== undefined && call?.[1] !== undefined) return [{ name, value: one, module: call[1] }];
  throw new TimmcError("usage", `there is no module ${JSON.stringify(path)}`, {
    hint: didYouMean(nearNames(path, modules.keys())) ?? "timmc inspect MODEL --ir shows the module paths",
  });
}
