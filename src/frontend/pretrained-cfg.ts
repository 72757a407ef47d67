import { TimmcError } from "../ir/error.ts";
import { printable } from "./printable.ts";
import { didYouMean, nearNames, quote } from "./suggest.ts";

export type InputSize = readonly [channels: number, height: number, width: number];
type PoolSize = readonly [height: number, width: number];
type LabelNames = readonly string[] | Readonly<Record<string, string>>;

/**
 * timm's `PretrainedCfg` under timm's own field names: what a set of weights says about its source, its input and its
 * head. `null` is "not given". `state_dict` is left out: it exists only in the memory of a Python process.
 */
export interface PretrainedCfg {
  /** A direct download; `true` where timm knows one that the registry does not repeat. */
  readonly url: string | readonly [url: string, filename: string] | true | null;
  readonly file: string | null;
  readonly hf_hub_id: string | null;
  readonly hf_hub_filename: string | null;
  readonly source: string | null;
  readonly architecture: string | null;
  readonly tag: string | null;
  /** The weights behind `url` or `file` are an .npz that the model reads itself; means nothing for Hub weights. */
  readonly custom_load: boolean | string;
  readonly input_size: InputSize;
  readonly test_input_size: InputSize | null;
  readonly min_input_size: InputSize | null;
  /** The model takes `img_size` and refuses other inputs. */
  readonly fixed_input_size: boolean;
  readonly interpolation: Interpolation;
  readonly crop_pct: number;
  readonly test_crop_pct: number | null;
  readonly crop_mode: CropMode;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** 0 is a model without a classifier. */
  readonly num_classes: number;
  readonly label_offset: number | null;
  /** By class index: a list, or index -> name where there are gaps. */
  readonly label_names: LabelNames | null;
  /** By label name. */
  readonly label_descriptions: Readonly<Record<string, string>> | null;
  readonly pool_size: PoolSize | null;
  readonly test_pool_size: PoolSize | null;
  /** Paths of the convolutions that see the image. */
  readonly first_conv: string | readonly string[] | null;
  readonly classifier: string | readonly string[] | null;
  readonly license: string | null;
  readonly description: string | null;
  readonly origin_url: string | null;
  readonly paper_name: string | null;
  readonly paper_ids: string | readonly string[] | null;
  readonly notes: string | readonly string[] | null;
}

export const interpolations = ["nearest", "bilinear", "bicubic", "box", "hamming", "lanczos", "random"] as const;
export type Interpolation = (typeof interpolations)[number];

export const cropModes = ["center", "squash", "border"] as const;
export type CropMode = (typeof cropModes)[number];

/** What a field accepts: a test and the same in words. */
interface Rule<T> {
  readonly accepts: (value: unknown) => value is T;
  readonly words: string;
}

/** One field: its default (timm's), and the rule for any other value. */
interface Field<T> {
  readonly fallback: T;
  readonly rule: Rule<NonNullable<T>>;
}

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= 100_000;

const isInteger = (value: unknown, low: number, high: number): value is number =>
  Number.isInteger(value) && (value as number) >= low && (value as number) <= high;

const isNumber = (value: unknown, low: number, high: number): value is number =>
  typeof value === "number" && value >= low && value <= high;

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

const isTextRecord = (value: unknown): value is Record<string, string> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isText);

/** Above any real image side or class count; keeps products of sizes exact and allocations bounded. */
const maxSide = 65_535;
const maxClasses = 10_000_000;

const isSides = (value: unknown, count: number): boolean =>
  Array.isArray(value) && value.length === count && value.every((side) => isInteger(side, 1, maxSide));

/** Characters that a terminal or a text editor obeys: controls, line separators, marks of the writing direction. */
const controls = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu;

/** Names of classes and words about them are for people alone, so control characters in them are no reason to refuse a model. */
const cleanFields: ReadonlySet<string> = new Set(["label_names", "label_descriptions", "description"]);

/** A blank for each run of control characters; the value itself where there are none. */
function cleaned(value: unknown): unknown {
  if (typeof value === "string") return value.replace(controls, " ");
  if (typeof value !== "object" || value === null) return value;
  const changed = Object.entries(value).some(([key, item]) => cleaned(item) !== item || cleaned(key) !== key);
  if (!changed) return value;
  if (Array.isArray(value)) return value.map(cleaned);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleaned(key), cleaned(item)]));
}

const text: Rule<string> = { accepts: isText, words: "a string" };
/** Of names that are printed and compared. */
const word: Rule<string> = {
  accepts: (value): value is string => isText(value) && cleaned(value) === value,
  words: "a string without control characters",
};
const flag: Rule<boolean> = { accepts: (value) => typeof value === "boolean", words: "true or false" };
const textOrTexts: Rule<string | readonly string[]> = {
  accepts: (value) => isText(value) || isTexts(value),
  words: "a string or a list of strings",
};
const imageSize: Rule<InputSize> = {
  accepts: (value): value is InputSize => isSides(value, 3),
  words: `[channels, height, width], integers from 1 to ${maxSide}`,
};
const poolSize: Rule<PoolSize> = {
  accepts: (value): value is PoolSize => isSides(value, 2),
  words: `[height, width], integers from 1 to ${maxSide}`,
};
const cropFraction: Rule<number> = {
  accepts: (value) => isNumber(value, 0.01, 100),
  words: "a number from 0.01 to 100",
};
const oneOf = <T extends string>(names: readonly T[]): Rule<T> => ({
  accepts: (value): value is T => names.some((name) => name === value),
  words: `one of ${names.join(", ")}`,
});
const perChannel = (low: number, words: string): Rule<readonly number[]> => ({
  accepts: (value): value is readonly number[] =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= maxSide &&
    value.every((item) => isNumber(item, low, 1e6)),
  words,
});

const optional = <T extends {}>(rule: Rule<T>): Field<T | null> => ({ fallback: null, rule });

/** The one list of fields: order of printing, defaults (timm's dataclass) and rules. */
const fields: { readonly [F in keyof PretrainedCfg]: Field<PretrainedCfg[F]> } = {
  url: optional<string | readonly [string, string] | true>({
    accepts: (value): value is string | readonly [string, string] | true =>
      value === true || isText(value) || (isTexts(value) && value.length === 2),
    words: "a URL, or [URL, file name]",
  }),
  file: optional(text),
  hf_hub_id: optional(text),
  hf_hub_filename: optional(text),
  source: optional(text),
  architecture: optional(text),
  tag: optional(word),
  custom_load: {
    fallback: false,
    rule: { accepts: (value) => typeof value === "boolean" || isText(value), words: "true, false or a string" },
  },
  input_size: { fallback: [3, 224, 224], rule: imageSize },
  test_input_size: optional(imageSize),
  min_input_size: optional(imageSize),
  fixed_input_size: { fallback: false, rule: flag },
  interpolation: { fallback: "bicubic", rule: oneOf(interpolations) },
  crop_pct: { fallback: 0.875, rule: cropFraction },
  test_crop_pct: optional(cropFraction),
  crop_mode: { fallback: "center", rule: oneOf(cropModes) },
  mean: { fallback: [0.485, 0.456, 0.406], rule: perChannel(-1e6, "a list of numbers, one per channel") },
  std: { fallback: [0.229, 0.224, 0.225], rule: perChannel(1e-6, "a list of positive numbers, one per channel") },
  num_classes: {
    fallback: 1000,
    rule: { accepts: (value) => isInteger(value, 0, maxClasses), words: `an integer from 0 to ${maxClasses}` },
  },
  label_offset: optional<number>({
    accepts: (value) => isInteger(value, 0, maxClasses),
    words: `an integer from 0 to ${maxClasses}`,
  }),
  label_names: optional<LabelNames>({
    accepts: (value): value is LabelNames =>
      isTexts(value) || (isTextRecord(value) && Object.keys(value).every(isClassIndex)),
    words: "a list of strings, or an object from class index to string",
  }),
  label_descriptions: optional<Readonly<Record<string, string>>>({
    accepts: isTextRecord,
    words: "an object from label name to string",
  }),
  pool_size: optional(poolSize),
  test_pool_size: optional(poolSize),
  first_conv: optional(textOrTexts),
  classifier: optional(textOrTexts),
  license: optional(word),
  description: optional(text),
  origin_url: optional(text),
  paper_name: optional(text),
  paper_ids: optional(textOrTexts),
  notes: optional(textOrTexts),
};

const isClassIndex = (key: string): boolean => /^(?:0|[1-9]\d{0,6})$/.test(key);

export const cfgFieldNames: readonly string[] = Object.keys(fields);

/** timm's defaults for every field. */
export const defaultCfg: PretrainedCfg = Object.fromEntries(
  Object.entries(fields).map(([name, { fallback }]) => [name, fallback]),
) as unknown as PretrainedCfg;

/** True where the configuration names a source of weights. */
export const hasWeights = (cfg: PretrainedCfg): boolean =>
  [cfg.url, cfg.file, cfg.hf_hub_id].some((source) => source !== null && source !== "");

interface CfgCheck {
  /** The well-formed fields; a field given as null has its default. */
  readonly accepted: Partial<PretrainedCfg>;
  /** Names that are no fields. */
  readonly unknown: readonly string[];
  /** Fields of which control characters were taken out. */
  readonly cleaned: readonly string[];
  /** Ready sentences, such as `crop_pct must be a number from 0.01 to 100, not "big"`. */
  readonly faults: readonly string[];
}

/** Sorts values from outside into well-formed fields, unknown names and broken rules. */
export function checkCfgFields(values: Readonly<Record<string, unknown>>): CfgCheck {
  const accepted: [string, unknown][] = [];
  const unknown: string[] = [];
  const clean: string[] = [];
  const faults: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const field = Object.hasOwn(fields, name) ? fields[name as keyof PretrainedCfg] : undefined;
    if (field === undefined) unknown.push(name);
    else if (value === null) accepted.push([name, field.fallback]);
    else if (field.rule.accepts(value)) {
      const kept = cleanFields.has(name) ? cleaned(value) : value;
      if (kept !== value) clean.push(name);
      accepted.push([name, kept]);
    } else faults.push(`${name} must be ${field.rule.words}, not ${showValue(value)}`);
  }
  return { accepted: Object.fromEntries(accepted) as Partial<PretrainedCfg>, unknown, cleaned: clean, faults };
}

/** What a user should know of names that do not fit the classes. An object may leave classes out on purpose. */
export function labelNotices({ label_names: names }: Pick<PretrainedCfg, "label_names">, numClasses: number): string[] {
  if (names === null || numClasses === 0) return [];
  const beyond = Object.keys(names).filter((index) => Number(index) >= numClasses).length;
  if (beyond > 0) return [`label_names names ${beyond} classes beyond the ${numClasses} of num_classes`];
  return Array.isArray(names) && names.length < numClasses
    ? [`label_names names ${names.length} of the ${numClasses} classes: the others have numbers alone`]
    : [];
}

/** What a user should know of fields that were cleaned. */
export const cleanedNotices = ({ cleaned: names }: CfgCheck, prefix = ""): string[] =>
  names.map((name) => `${prefix}${name} holds control characters: blanks take their place`);

/**
 * `cfg` with some fields replaced (timm's `pretrained_cfg_overlay`); null gives a field its default.
 *
 * @throws TimmcError `usage` for a name that is no field or a value that breaks its rule.
 */
export function overlay(cfg: PretrainedCfg, values: Readonly<Record<string, unknown>>): PretrainedCfg {
  const { accepted, unknown, faults } = checkCfgFields(values);
  const [stranger] = unknown;
  if (stranger !== undefined) {
    throw new TimmcError("usage", `${quote(stranger)} is not a field of a pretrained configuration`, {
      hint: didYouMean(nearNames(stranger, cfgFieldNames)) ?? `The fields are ${cfgFieldNames.join(", ")}.`,
    });
  }
  const [fault] = faults;
  if (fault !== undefined) throw new TimmcError("usage", fault, { trail: ["pretrained configuration"] });
  return { ...cfg, ...accepted };
}

/** JSON, in which numbers beyond its range are written as such: JSON itself makes null of them. */
function jsonOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(",")}]`;
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
}

/** A value from outside for a message: JSON, cut at 60 characters; collections by their kind when they are long. */
export function showValue(value: unknown): string {
  const json = jsonOf(value);
  if (json.length <= 60) return printable(json);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "string" ? quote(value) : "an object";
}
