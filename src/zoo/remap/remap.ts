import type { Value } from "../../ir/value.ts";
import type { Ops } from "../scope.ts";

/**
 * How files of other names become timm's. A family says it as data; the loader interprets it, and `timmc doctor` prints
 * which step touched which entry.
 */
export interface Remap {
  /** Files of other origins; the first that is recognised has its steps run. A file that none recognises has timm's names. */
  readonly layouts: readonly Layout[];
  /** What every file passes through after its layout, such as resampling to the model's size. */
  readonly tail: readonly Step[];
}

/** The names of one origin: a code base, a file format. */
export interface Layout {
  /** Whose names these are: `OpenCLIP`. */
  readonly name: string;
  /** timm has no such filter: the mapping is timmc's own. */
  readonly own?: true;
  readonly when: (file: FileKeys) => boolean;
  /** What names and shapes leave open and the model decides, perhaps otherwise than the file's origin: a sentence. */
  readonly caution?: string | undefined;
  readonly steps: readonly Step[];
}

/** What a layout is recognised by. */
export interface FileKeys {
  has(key: string): boolean;
  some(pattern: RegExp): boolean;
}

/** The model that a file is mapped to. */
export interface Target {
  has(name: string): boolean;
  /** The shape of a parameter by its name; undefined where the model has none. */
  shape(name: string): readonly number[] | undefined;
  /** The tag of the pretrained weights that are loaded; undefined for a file that the user names. */
  readonly tag: string | undefined;
}

/** Steps run in order, each over all entries of the file in the file's order. */
export type Step = Rename | Drop | Strip | Compute | Absent;

/** Every match of the pattern in a name becomes `to`, which may refer to groups as `$1`. */
export interface Rename {
  readonly kind: "rename";
  readonly from: RegExp;
  readonly to: string | ((match: readonly string[], file: FileKeys) => string);
}

/** Entries that the model has no place for. */
export interface Drop {
  readonly kind: "drop";
  readonly keys: RegExp;
  /** What they are: `the masked token of the pretraining`. */
  readonly what: string;
  /** For models of which this holds; for all without it. */
  readonly when?: (target: Target) => boolean;
}

/** Takes a prefix off the names that have it; the other entries stay, or are left out. */
export interface Strip {
  readonly kind: "strip";
  readonly prefix: string;
  readonly others: "stay" | "left out";
}

/**
 * A parameter that files of an origin do not have; nothing is done where the file has it or the model has not. It is left
 * without values, so that only outputs that need it are refused.
 */
export interface Absent {
  readonly kind: "absent";
  /** The model's name. */
  readonly name: string;
  /** Why the files lack it. */
  readonly reason: string;
  /** Where timm leaves it as the model makes it: for which models, and the one number that it is filled with. */
  readonly initial?: { readonly when: (target: Target) => boolean; readonly value: number };
}

/**
 * Entries made of others. `from` matches the first operand's whole name, `with` names the further ones by its groups;
 * where one of them is missing nothing is done. The results take the place of the operands.
 */
export interface Compute {
  readonly kind: "compute";
  /** In words: `merge`, `transpose`. */
  readonly law: string;
  /** For models of which this holds; for all without it. */
  readonly when?: (target: Target) => boolean;
  readonly from: RegExp;
  readonly with: readonly string[];
  /** Names of the results by the groups; without any, one result that keeps the first operand's name. */
  readonly to: readonly string[];
  readonly make: (b: Ops, values: readonly Value[], at: ComputeAt) => readonly Value[];
}

export interface ComputeAt {
  readonly target: Target;
  /** Names of the results. */
  readonly to: readonly string[];
}
