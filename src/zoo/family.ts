import type { Value } from "../ir/value.ts";
import type { GroupRule } from "./groups.ts";
import type { Remap } from "./remap/remap.ts";
import { type Arg, type ConfigOf, type Schema, int, oneOf } from "./schema.ts";
import type { Scope } from "./scope.ts";

/** The axis order of a feature map: channels first, channels last, or tokens. */
export type Format = "NCHW" | "NHWC" | "NLC";

/** One entry of timm's feature_info, with the value that features_only returns for it. */
export interface Stage {
  /** The module path that timm names. */
  readonly module: string;
  readonly value: Value;
  /** Channels as timm states them, where that is not what the value has (pruned networks). */
  readonly channels?: number;
  /** Input pixels per feature pixel, as timm states it. */
  readonly reduction: number;
  readonly format: Format;
  /** Why timm does not return this stage under these arguments, though it counts it. */
  readonly refused?: string;
  /** The stage as forward_intermediates gives it; without it the value alone, to which no norm applies. */
  readonly intermediate?: (norm: boolean) => Intermediate;
}

/** A stage as timm's forward_intermediates returns it, made when it is asked for. */
export interface Intermediate {
  /** In the stage's format. */
  readonly value: Value;
  /** Class and register tokens [N, count, C], where there are any. */
  readonly prefix?: Value | undefined;
  /** Whether the network's final norm is applied: it was asked for, and it is one of this stage. */
  readonly normed: boolean;
}

/** What a definition returns: timm's calls of the same names, from one graph. */
export interface Model {
  readonly forwardFeatures: readonly Value[];
  readonly preLogits: readonly Value[];
  readonly logits: readonly Value[];
  readonly stages: readonly Stage[];
  /** The stages that `features` selects, where these are not the family's `lastStages`; "refused" as timm refuses it. */
  readonly defaultStages?: readonly number[] | "refused";
  /** The layout of forward_features. */
  readonly format: Format;
}

/**
 * The `defaultStages` of a network whose arguments say how many stages it has, where timm's default is the first `count`:
 * timm refuses them where it has fewer.
 */
export const firstStages = (count: number, stages: readonly Stage[]): readonly number[] | "refused" =>
  stages.length < count ? "refused" : Array.from({ length: count }, (_, i) => i);

/** Arguments that every family honours by the same rule. */
export const commonArgs = {
  num_classes: int(1000, "classes of the classifier; 0 for none", { min: 0, max: 100_000_000 }),
  in_chans: int(3, "channels of the input", { min: 1 }),
} as const;

export const globalPools = [
  "avg",
  "max",
  "avgmax",
  "catavgmax",
  "fast",
  "fastavg",
  "fastmax",
  "fastavgmax",
  "fastcatavgmax",
  "",
] as const;
export type GlobalPool = (typeof globalPools)[number];
export const globalPool = (fallback: GlobalPool = "avg"): Arg<GlobalPool> =>
  oneOf(globalPools, fallback, 'pooling before the classifier; "" keeps the map');

export interface FamilySpec<S extends Schema> {
  /** timm's module file. */
  readonly name: string;
  /** The paper that the definition follows. */
  readonly paper: string;
  readonly args: S;
  /** A row per architecture; what a row leaves out has the schema's default. */
  readonly variants: Readonly<Record<string, Partial<ConfigOf<S>>>>;
  build(s: Scope, x: Value, config: ConfigOf<S>): Model;
  /** How many of the last stages `features` selects; all without it. */
  readonly lastStages?: number;
  /** Refuses combinations that timm refuses: the reason, or undefined. `given` are the user's own arguments. */
  refuse?(config: ConfigOf<S>, given: ReadonlySet<string>): string | undefined;
  /** What of a network holds it to the size that it is built for, in timm too: why a symbolic size is refused. */
  fixedSize?(config: ConfigOf<S>): string | undefined;
  /** Values that follow from others, such as defaults that timm's entry functions compute. */
  complete?(config: ConfigOf<S>, given: ReadonlySet<string>): ConfigOf<S>;
  /** The parameters by depth: stages with `coarse`, else blocks. */
  groups(coarse: boolean, config: ConfigOf<S>): readonly GroupRule[];
  /** How checkpoints of other names and sizes become this network's; without it only timm's own names are read. */
  remap?(config: ConfigOf<S>): Remap;
}

/** A family whose schema's type is closed over, as the registry holds it. */
export interface Family {
  readonly name: string;
  readonly paper: string;
  readonly args: Schema;
  readonly variants: Readonly<Record<string, object>>;
  readonly lastStages: number | undefined;
  /** Lowers an architecture with the user's arguments already read against `args`. */
  build(s: Scope, x: Value, variant: string, given: Readonly<Record<string, unknown>>): Model;
  /** The full configuration: schema defaults under the variant's row under the arguments. */
  configure(variant: string, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** The parameters by depth. */
  groups(variant: string, given: Readonly<Record<string, unknown>>, coarse: boolean): readonly GroupRule[];
  /** How checkpoints become this network's. */
  remap(variant: string, given: Readonly<Record<string, unknown>>): Remap;
}
