import { type Tap, resolveTaps } from "../../frontend/taps.ts";
import { plainTaps } from "../../frontend/tap-names.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Dim } from "../../ir/dim.ts";
import type { Graph } from "../../ir/graph.ts";
import { substituteType } from "../../ir/type.ts";
import type { Value } from "../../ir/value.ts";
import { bytesPerImage, shownDim } from "../describe-tap.ts";
import type { LoweredRequest } from "../lower-request.ts";
import type { TapChoice, TapKind } from "./page-data.ts";

/** A tap and its values, or the reason why the network does not have it. */
interface ResolvedChoice {
  readonly tap: string;
  readonly kind: TapKind;
  readonly taps: readonly Tap[];
  readonly refused?: string;
  readonly isDefault?: boolean;
}

/**
 * Every tap that the page offers by itself: stages, with the class and register tokens beside them, timm's calls, attention
 * maps, and what else was asked for. Adds the values that taps are made of to the graph.
 */
export function resolveChoices(lowering: LoweredRequest): ResolvedChoice[] {
  const { lowered, stages, form } = lowering;
  const { model } = lowered;
  const choice = (tap: string, kind: TapKind): ResolvedChoice => {
    try {
      return { tap, kind, taps: resolveTaps(lowered, [tap], stages, form) };
    } catch (error) {
      if (!(error instanceof TimmcError)) throw error;
      return { tap, kind, taps: [], refused: error.message };
    }
  };
  const features = model.stages.flatMap((stage, i) => [
    { ...choice(`features.${i}`, "tap"), isDefault: stages.includes(i) },
    ...(stage.refused === undefined && stage.intermediate?.(form.norm).prefix !== undefined
      ? [choice(`features.${i}.prefix`, "prefix")]
      : []),
  ]);
  const offered = [
    ...features,
    ...plainTaps.filter((tap) => tap !== "features").map((tap) => choice(tap, "tap")),
    ...[...new Set(attentionNames(lowered.graph).values())].map((tap) => choice(tap, "attention")),
  ];
  const known = new Set(offered.map((c) => c.tap));
  const rest = eachTap(lowering).filter((tap) => !known.has(tap));
  return [...offered, ...rest.map((tap) => choice(tap, "module"))];
}

/** The taps as they were asked for, `features` as its stages and attention maps each by the name that the page has for it. */
export function eachTap({ tapNames, stages, lowered }: LoweredRequest): string[] {
  const names = attentionNames(lowered.graph);
  const taps = tapNames.flatMap((name) => {
    const tap = name.trim();
    if (tap === "features") return stages.map((i) => `features.${i}`);
    if (!tap.startsWith("attn:")) return [tap];
    return [...names].flatMap(([path, own]) => (isInside(path, tap.slice("attn:".length)) ? [own] : []));
  });
  return [...new Set(taps)];
}

const isInside = (path: string, module: string): boolean => path === module || path.startsWith(`${module}.`);

/**
 * By the path of an attention: the tap of its map. That of a block, where the block has this one attention, so that it is
 * `attn:blocks.5` and not `attn:blocks.5.attn`.
 */
function attentionNames(graph: Graph): Map<string, string> {
  const attentions = [...graph.values()].flatMap((v) => (v.op === "attention" ? [v.origin.path] : []));
  return new Map(
    attentions.map((path) => {
      const block = /^(.+)\.[a-z_]+$/.exec(path)?.[1] ?? path;
      const isOnlyOne = attentions.filter((other) => isInside(other, block)).length === 1;
      return [path, `attn:${isOnlyOne ? block : path}`];
    }),
  );
}

/** The same as the page holds it, of a model of this batch; `rows` says where the values are. */
export const tapChoice = (
  { tap, kind, taps, refused, isDefault }: ResolvedChoice,
  rows: ReadonlyMap<Value, number>,
  batch: Dim,
): TapChoice => ({
  tap,
  kind,
  outputs: taps.map(({ name, value, module, channels, reduction, format, norm, softmax }) => ({
    name,
    dtype: value.type.dtype,
    shape: substituteType(value.type, { N: batch }).shape.map(shownDim).join(","),
    module: module ?? null,
    channels: typeof channels === "number" ? channels : null,
    reduction: reduction ?? null,
    format: format ?? null,
    norm: norm ?? null,
    softmax: softmax ?? false,
    bytes: bytesPerImage(value),
    row: rows.get(value) ?? -1,
  })),
  ...(refused === undefined ? {} : { refused }),
  ...(isDefault === true ? { isDefault } : {}),
});
