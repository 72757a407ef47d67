import { type Tap, resolveTaps } from "../../frontend/taps.ts";
import { plainTaps } from "../../frontend/tap-names.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Dim } from "../../ir/dim.ts";
import { substituteType } from "../../ir/type.ts";
import type { Value } from "../../ir/value.ts";
import { bytesPerImage, shownDim } from "../describe-tap.ts";
import type { LoweredRequest } from "../lower-request.ts";
import type { TapChoice, TapKind } from "./page-data.ts";

/** A tap and its values, or the reason why the network does not have it. */
export interface ResolvedChoice {
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
  const attentions = new Set([...lowered.graph.values()].filter((v) => v.op === "attention").map((v) => v.origin.path));
  const offered = [
    ...features,
    ...plainTaps.filter((tap) => tap !== "features").map((tap) => choice(tap, "tap")),
    ...[...attentions].map((path) => choice(`attn:${path}`, "attention")),
  ];
  const known = new Set(offered.map((c) => c.tap));
  // Beside these there are modules, and attention maps of modules that hold several.
  const rest = eachTap(lowering).filter((tap) => !known.has(tap));
  return [...offered, ...rest.map((tap) => choice(tap, tap.startsWith("attn:") ? "attention" : "module"))];
}

/** The taps as they were asked for, `features` as the stages that it stands for. */
export const eachTap = ({ tapNames, stages }: LoweredRequest): string[] =>
  tapNames.flatMap((name) => {
    const tap = name.trim();
    return tap === "features" ? stages.map((i) => `features.${i}`) : [tap];
  });

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
