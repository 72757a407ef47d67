import { didYouMean, nearNames } from "./suggest.ts";
import type { Dim } from "../ir/dim.ts";
import { TimmcError } from "../ir/error.ts";
import type { Value } from "../ir/value.ts";
import type { Format, Intermediate, Stage } from "../zoo/family.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import { attentionMaps } from "./attention-maps.ts";
import { plainTaps, tapGrammar } from "./tap-names.ts";
import { type TapForm, inFormat, nativeForm, probabilities } from "./tap-form.ts";

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
  /** Whether the network's final norm is applied; only features say so. */
  readonly norm?: boolean;
  /** Whether these are probabilities. */
  readonly softmax?: boolean;
}

/**
 * Which stages timm's features_only returns, as absolute indices in the order asked. Without out_indices there are none
 * where the network has fewer stages than the family's default: timm refuses it, and so does the tap `features`.
 */
export function selectStages(
  count: number,
  defaults: number | readonly number[] | "refused" | undefined,
  outIndices: number | readonly number[] | undefined,
): readonly number[] {
  const all = Array.from({ length: count }, (_, i) => i);
  if (outIndices === undefined) {
    if (defaults === undefined) return all;
    if (defaults === "refused") return [];
    if (typeof defaults !== "number") return defaults;
    return defaults > count ? [] : all.slice(-defaults);
  }
  if (count === 0) throw noStages();
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

const noStages = (): TimmcError => new TimmcError("usage", "this architecture has no feature stages");

const outOfRange = (index: number, count: number): TimmcError =>
  new TimmcError("usage", `out_indices: there is no stage ${index}`, {
    hint: `the stages are 0 to ${count - 1} (or -${count} to -1)`,
  });

const fewerStages = (count: number): TimmcError =>
  count === 0
    ? noStages()
    : new TimmcError("usage", `features: timm returns more stages than the ${count} that there are`, {
        hint: `choose among them: --arg out_indices=${count}`,
      });

export const channelsOf = (stage: Stage): Dim => stage.channels ?? channelAxis(stage.value, stage.format);

const channelAxis = (value: Value, format: Format): Dim =>
  (format === "NCHW" ? value.type.shape[1] : value.type.shape.at(-1)) ?? 0;

/**
 * Resolves tap names to values, in the order asked; a tap that timm returns as several tensors becomes NAME.0, NAME.1.
 * `stages` are the absolute indices that `features` stands for, `form` says how features and logits are given. Throws
 * `usage` with the near names.
 */
export function resolveTaps(
  lowered: LoweredModel,
  names: readonly string[],
  stages: readonly number[],
  form: TapForm = nativeForm,
): Tap[] {
  const taps = names.flatMap((name) => resolveTap(lowered, name.trim(), stages, form));
  if (taps.length === 0) throw new TimmcError("usage", "no taps are asked for", { hint: `--taps takes ${tapGrammar}` });
  const seen = new Set<string>();
  for (const { name } of taps) {
    if (seen.has(name)) throw new TimmcError("usage", `the tap ${name} is asked for twice`);
    seen.add(name);
  }
  return taps;
}

function resolveTap(lowered: LoweredModel, name: string, stages: readonly number[], form: TapForm): Tap[] {
  const { model } = lowered;
  switch (name) {
    case "logits":
      if (!form.softmax) return several(name, model.logits);
      return several(name, model.logits).map((t) => ({ ...t, value: probabilities(lowered, t.value), softmax: true }));
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
      return stages.map((i) => stageTap(lowered, i, form));
    default:
  }
  const [, index, prefix] = /^features\.(\d+)(\.prefix)?$/.exec(name) ?? [];
  if (index !== undefined)
    return [prefix === undefined ? stageTap(lowered, Number(index), form) : prefixTap(lowered, Number(index), form)];
  if (name.startsWith("module:")) return moduleTap(lowered, name);
  if (name.startsWith("attn:")) return attentionTap(lowered, name);
  const near = didYouMean(nearNames(name, plainTaps, 2));
  throw new TimmcError("usage", `unknown tap ${JSON.stringify(name)}`, {
    hint: `${near === undefined ? "" : `${near} `}--taps takes a list of ${tapGrammar}`,
  });
}

const several = (name: string, values: readonly Value[]): Tap[] =>
  values.map((value, i) => ({ name: values.length === 1 ? name : `${name}.${i}`, value }));

function stageAt({ model: { stages } }: LoweredModel, index: number): Stage {
  const stage = stages[index];
  if (stages.length === 0) throw noStages();
  if (stage === undefined)
    throw new TimmcError("usage", `there is no tap features.${index}`, {
      hint: `the stages are features.0 to features.${stages.length - 1}`,
    });
  if (stage.refused !== undefined) throw new TimmcError("unsupported", `features.${index}: ${stage.refused}`);
  return stage;
}

function stageTap(lowered: LoweredModel, index: number, form: TapForm): Tap {
  const stage = stageAt(lowered, index);
  const { module, reduction } = stage;
  const { value: own, normed } = intermediateOf(stage, form);
  const { value, format } = inFormat(lowered, own, stage, form);
  return { name: `features.${index}`, value, module, channels: channelsOf(stage), reduction, format, norm: normed };
}

const intermediateOf = (stage: Stage, { norm }: TapForm): Intermediate =>
  stage.intermediate?.(norm) ?? { value: stage.value, normed: false };

/** The tokens that stand before those of the map: class and registers. */
function prefixTap(lowered: LoweredModel, index: number, form: TapForm): Tap {
  const stage = stageAt(lowered, index);
  const { prefix, normed } = intermediateOf(stage, form);
  const name = `features.${index}.prefix`;
  if (prefix === undefined) throw new TimmcError("usage", `there is no tap ${name}: ${noPrefix(lowered)}`);
  return { name, value: prefix, module: stage.module, channels: channelsOf(stage), format: "NLC", norm: normed };
}

/** Some networks add their tokens behind the last stage. */
const noPrefix = ({ parameters }: LoweredModel): string =>
  parameters.some(({ name }) => /(?:^|\.)(?:cls|class|dist|reg|register)_tokens?$/.test(name))
    ? "its stages carry no prefix tokens; forward_features has them"
    : "the network has no class or register tokens";

/**
 * The probabilities with which a module's queries attend to its keys. Where there are several attentions each has the
 * name of its own tap; one that is called repeatedly is numbered.
 */
function attentionTap(lowered: LoweredModel, name: string): Tap[] {
  const maps = attentionMaps(lowered, name.slice("attn:".length));
  const [one] = maps;
  if (maps.length === 1 && one !== undefined) return [{ name, value: one.value, module: one.path }];
  return [...new Set(maps.map(({ path }) => path))].flatMap((path) => {
    const calls = maps.flatMap((map) => (map.path === path ? [map.value] : []));
    return several(`attn:${path}`, calls).map((tap) => ({ ...tap, module: path }));
  });
}

function moduleTap({ modules, parameters }: LoweredModel, name: string): Tap[] {
  const path = name.slice("module:".length);
  const whole = modules.get(path);
  if (whole !== undefined) return several(name, whole).map((t) => ({ ...t, module: path }));
  const call = /^(.*)\.(\d+)$/.exec(path);
  const results = call?.[1] === undefined ? undefined : modules.get(call[1]);
  const one = results !== undefined && results.length > 1 ? results[Number(call?.[2])] : undefined;
  if (one !== undefined && call?.[1] !== undefined) return [{ name, value: one, module: call[1] }];
  const within = [...modules.keys()].filter((module) => module.startsWith(`${path}.`));
  if (within.length > 0 || parameters.some((p) => p.name.startsWith(`${path}.`)))
    throw new TimmcError("usage", `the module ${JSON.stringify(path)} has no result that is one tensor`, {
      hint: `It returns several values, or is called by its parts${partsText(within)}.`,
    });
  throw new TimmcError("usage", `there is no module ${JSON.stringify(path)}`, {
    hint: moduleHint(path, [...modules.keys()]),
  });
}

/** The outermost of a module's parts. */
function partsText(within: readonly string[]): string {
  const outermost = within.filter((path) => !within.some((other) => path.startsWith(`${other}.`)));
  const more = outermost.length > 6 ? " and others" : "";
  return outermost.length === 0 ? "" : `: tap those, ${outermost.slice(0, 6).join(", ")}${more}`;
}

function moduleHint(path: string, modules: readonly string[]): string {
  const outermost = modules.filter((module) => !module.includes("."));
  const near = didYouMean(nearNames(path, modules)) ?? `The outermost modules are ${outermost.join(", ")}.`;
  return `${near} timmc inspect MODEL --ir shows the paths of all.`;
}
