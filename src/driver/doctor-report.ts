import type { Mapping } from "../frontend/weights/diagnose/mapping.ts";
import type { PrefixFinding } from "../frontend/weights/diagnose/prefix.ts";
import type { SiblingMatch } from "../frontend/weights/diagnose/siblings.ts";
import type { StoredDType } from "../frontend/weights/source.ts";
import type { HubSource } from "./weights.ts";

/** What `doctor` finds out about a weight file and a model. It is what `--json` prints. */
export interface Diagnosis {
  readonly architecture: string;
  readonly tag: string;
  readonly family: string;
  readonly weights: "pretrained" | "file";
  /** The file's name, without its folder. */
  readonly file: string;
  readonly hub: HubSource | null;
  /** Entries of the file. */
  readonly entries: number;
  /** Whose names the file has; null where they are timm's, or nobody's that is known. `own`: timm has no such mapping. */
  readonly layout: { readonly name: string; readonly own: boolean } | null;
  /** `partly`: it loads, and some parameters are left without values on purpose. */
  readonly verdict: "loads" | "partly" | "fails";
  /** The verdict in a sentence. */
  readonly summary: string;
  /** The step that is impossible with this file; null where all are possible. */
  readonly failure: { readonly message: string; readonly hint: string | null } | null;
  /** Every parameter and buffer of the model, in its order. */
  readonly parameters: readonly ParameterReport[];
  /** Entries that a step leaves out, and what they are. */
  readonly dropped: readonly { readonly from: readonly string[]; readonly what: string }[];
  /** Entries that nothing reads. */
  readonly unused: readonly UnusedEntry[];
  /** Outputs that can be compiled: `needs` is the first parameter without values that one depends on. */
  readonly taps: readonly { readonly name: string; readonly needs: string | null }[];
  readonly findings: Findings;
  /** What to do, the most likely first. */
  readonly advice: readonly string[];
  readonly notices: readonly string[];
}

/**
 * `loads`: it has values. `counter`: a batch counter that is not in the file, which nothing reads. `withheld`: left
 * without values on purpose. `missing`: the file has no such entry. `misshapen`: it has one of another shape or type.
 */
export type ParameterStatus = "loads" | "counter" | "withheld" | "missing" | "misshapen";

export interface ParameterReport {
  readonly name: string;
  readonly shape: readonly number[];
  readonly status: ParameterStatus;
  /** The file's keys that it is made of. */
  readonly from: readonly string[];
  /** Their types in the file. */
  readonly stored: readonly StoredDType[];
  /** The steps that touched it, in words. */
  readonly steps: readonly string[];
  /** What it is computed as; null where it is as stored. */
  readonly expression: string | null;
  /** How it is adapted to another number of channels or classes; null where it is not. */
  readonly adaptation: string | null;
  /** Where it is misshapen or withheld: the shape that the file has. */
  readonly found: readonly number[] | null;
  /** Why it has no values, or another shape. */
  readonly reason: string | null;
  /** Where it is withheld: the argument that gives it the file's shape, or none where the file has none; null without. */
  readonly arg: string | null;
  /** Where it is missing: an unused entry of a similar name. */
  readonly near: string | null;
}

export interface UnusedEntry {
  /** The file's keys that it is made of. */
  readonly from: readonly string[];
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** Explanations of what does not fit; nothing is sought where everything does. */
export interface Findings {
  /** The names but for a prefix; what is missing or misshapen without it, and the layout that it hid. */
  readonly prefix:
    | (PrefixFinding & {
        readonly missing: number;
        readonly misshapen: number;
        /** The names of these. */
        readonly open: readonly string[];
        readonly layout: string | null;
      })
    | null;
  /** The names but for a mapping that timmc does not have. */
  readonly mapping: Mapping | null;
  /** The same family's architectures that the file fits, and fits better than this one. */
  readonly siblings: SiblingMatch | null;
  /** Arguments that the shapes of the file ask for: `num_classes=10`. */
  readonly args: readonly string[];
}
