import { quote } from "../../frontend/suggest.ts";
import { TimmcError, within } from "../../ir/error.ts";
import { canonicalText } from "../cache/canonical.ts";
import { maxVariants } from "./config-schema.ts";
import { findModels, isGlob, selects } from "./models.ts";
import { nameVariants, varyingFields } from "./names.ts";
import { normalize } from "./normal.ts";
import {
  type BuildConfig,
  type Expansion,
  type FieldName,
  type LeftOut,
  type PartialFields,
  type Variant,
  type VariantFields,
  axisOf,
  fieldNames,
} from "./variant.ts";

/**
 * From a configuration to its variants, by the rules of GitHub's matrix:
 *
 * 1. The combinations of the axes, the first axis outermost.
 * 2. `exclude` takes away those that have all the values of an entry.
 * 3. `include`, entry by entry: its fields are added to every combination of the axes that has all of those values of the
 *    entry that are given in the configuration; nothing that the configuration gives is overwritten, what an earlier entry
 *    added may be. An entry that no combination has is a variant of its own.
 *
 * Beyond GitHub's: `model` in an entry may be a glob; a field that the configuration gives as one value holds for variants
 * of an entry's own too, unless it says otherwise; what a target has no place for is dropped, and what is the same then is
 * merged. Relative paths start from `folder`, of which nothing but a local model's configuration is read. Throws TimmcError
 * `config`.
 */
export function expand(config: BuildConfig, folder: string): Expansion {
  const { models, notices: found } = findModels(listOf(config.models));
  const notices = [...found];
  const axes = axesOf(config, models);
  refuseSize(axes);
  const combinations = productOf(axes);
  const { kept, excluded } = exclude(combinations, config.exclude ?? [], notices);
  const constants = constantsOf(config);
  const given = new Set(fieldNames.filter((field) => config[axisOf[field]] !== undefined));
  const all = include(kept, config.include ?? [], { given, constants, notices });
  if (all.length > maxVariants) throw tooMany(all.length);
  return named(all, excluded, folder, notices);
}

type Axis = readonly [field: FieldName, values: readonly unknown[]];

/** Two fields whose one value is itself a list. */
const listFields: readonly FieldName[] = ["taps", "passes"];

/** A value of a field, or a list of them, as a list; a list of texts is one value of what is a list itself. */
function valuesOf(field: FieldName, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [value];
  return listFields.includes(field) && value.every((x) => typeof x === "string") ? [value] : value;
}

const listOf = (value: string | readonly string[]): readonly string[] => (typeof value === "string" ? [value] : value);

/** The axes in the order of fields, the models first. */
const axesOf = (config: BuildConfig, models: readonly string[]): Axis[] =>
  fieldNames.flatMap((field): Axis[] => {
    const value = field === "model" ? models : config[axisOf[field]];
    return value === undefined ? [] : [[field, valuesOf(field, value)]];
  });

/** What the configuration gives as one value. */
const constantsOf = (config: BuildConfig): PartialFields =>
  Object.fromEntries(
    fieldNames.flatMap((field) => {
      const value: unknown = config[axisOf[field]];
      if (field === "model" || value === undefined) return [];
      const isList = Array.isArray(value) && valuesOf(field, value) === value;
      return isList ? [] : [[field, value] as const];
    }),
  );

function refuseSize(axes: readonly Axis[]): void {
  const count = axes.reduce((n, [, values]) => n * values.length, 1);
  if (count > maxVariants) throw tooMany(count, axes);
}

function tooMany(count: number, axes: readonly Axis[] = []): TimmcError {
  const longer = axes.filter(([, values]) => values.length > 1);
  const product = longer.map(([field, values]) => `${values.length} ${axisOf[field]}`).join(" x ");
  return new TimmcError(
    "config",
    `these are ${count.toLocaleString("en")} variants${product === "" ? "" : ` (${product})`}, and a build has at most ${maxVariants.toLocaleString("en")}`,
    { hint: "Split the matrix over several files." },
  );
}

/** All combinations, the first axis outermost. */
function productOf(axes: readonly Axis[]): VariantFields[] {
  const combinations = axes.reduce<Record<string, unknown>[]>(
    (before, [field, values]) => before.flatMap((fields) => values.map((value) => ({ ...fields, [field]: value }))),
    [{}],
  );
  return combinations as unknown as VariantFields[];
}

function exclude(
  combinations: readonly VariantFields[],
  entries: readonly PartialFields[],
  notices: string[],
): { readonly kept: VariantFields[]; readonly excluded: LeftOut[] } {
  const hits = entries.map(() => 0);
  const kept: VariantFields[] = [];
  const excluded: LeftOut[] = [];
  for (const fields of combinations) {
    const at = entries.findIndex((entry) => hasAll(fields, entry, fieldNames));
    if (at < 0) {
      kept.push(fields);
      continue;
    }
    hits[at] = (hits[at] ?? 0) + 1;
    excluded.push({ fields, why: "excluded", reason: `exclude > ${at}` });
  }
  for (const [i, count] of hits.entries())
    if (count === 0) notices.push(`exclude > ${i}, ${entryText(entries[i] ?? {})}, matches no variant that is left`);
  return { kept, excluded };
}

interface IncludeContext {
  /** Fields that the configuration gives. */
  readonly given: ReadonlySet<FieldName>;
  readonly constants: PartialFields;
  readonly notices: string[];
}

function include(
  combinations: readonly VariantFields[],
  entries: readonly PartialFields[],
  { given, constants, notices }: IncludeContext,
): VariantFields[] {
  const grown = [...combinations];
  const own: VariantFields[] = [];
  for (const [i, entry] of entries.entries()) {
    const compared = fieldNames.filter((field) => given.has(field));
    const matching = combinations.flatMap((fields, at) => (hasAll(fields, entry, compared) ? [at] : []));
    for (const at of matching) {
      const fields = grown[at];
      if (fields !== undefined) grown[at] = { ...fields, ...without(entry, given) };
    }
    if (matching.length > 0) continue;
    const { model } = entry;
    if (model === undefined)
      throw new TimmcError(
        "config",
        `${entryText(entry)} matches no variant, and names no model to be one of its own`,
        {
          trail: ["include", String(i)],
          hint: "Give it a model, or values that the axes have.",
        },
      );
    const found = within(`include > ${i}`, () => findModels([model]));
    notices.push(...found.notices);
    own.push(...found.models.map((name) => ({ ...constants, ...entry, model: name })));
  }
  return [...grown, ...own];
}

const without = (entry: PartialFields, given: ReadonlySet<FieldName>): PartialFields =>
  Object.fromEntries(Object.entries(entry).filter(([field]) => !given.has(field as FieldName)));

/** Whether a combination has all values of an entry, of the fields that are compared. */
const hasAll = (fields: VariantFields, entry: PartialFields, compared: readonly FieldName[]): boolean =>
  compared.every((field) => entry[field] === undefined || isSame(field, fields[field], entry[field]));

function isSame(field: FieldName, value: unknown, wanted: unknown): boolean {
  if (field === "model") return typeof wanted === "string" && isModel(String(value), wanted);
  if (field === "inputSize") return canonicalText(sides(value)) === canonicalText(sides(wanted));
  return value !== undefined && canonicalText(value) === canonicalText(wanted);
}

/** A glob selects; a name without a tag means every tag, as in `timm list`. */
const isModel = (model: string, wanted: string): boolean =>
  isGlob(wanted) || !wanted.includes(":") ? selects(wanted, model) : findModels([wanted]).models.includes(model);

/** A side stands for a square; channels are not compared. */
function sides(size: unknown): unknown {
  if (typeof size === "number") return [size, size];
  return Array.isArray(size) ? size.slice(-2) : (size ?? "default");
}

/** Drops what targets lack, merges what is the same then, and names what is left. */
function named(
  combinations: readonly VariantFields[],
  excluded: readonly LeftOut[],
  folder: string,
  notices: readonly string[],
): Expansion {
  const places = new Map<string, number>();
  const unique: VariantFields[] = [];
  const merged: { readonly fields: VariantFields; readonly into: number; readonly dropped: readonly string[] }[] = [];
  for (const fields of combinations) {
    const normal = normalize(fields, folder);
    const key = canonicalText(normal.fields);
    const into = places.get(key);
    if (into !== undefined) {
      merged.push({ fields, into, dropped: normal.dropped });
      continue;
    }
    places.set(key, unique.length);
    unique.push(normal.fields);
  }
  const varying = varyingFields(unique);
  const names = nameVariants(unique, varying);
  const variants = unique.map((fields, i): Variant => ({ name: names[i] ?? "", fields }));
  const leftOut = merged.map(({ fields, into, dropped }): LeftOut => {
    const why = dropped.length === 0 ? "" : `${dropped.join(", ")}: `;
    return { fields, why: "merged", reason: `${why}the same as ${names[into]}` };
  });
  if (variants.length === 0)
    throw new TimmcError("config", "no variant is left: exclude takes all of them away", {
      hint: "timmc build --dry-run shows which entry takes which.",
    });
  return { variants, leftOut: [...excluded, ...leftOut], varying, notices };
}

const entryText = (entry: PartialFields): string => quote(JSON.stringify(entry)).slice(1, -1).replaceAll('\\"', '"');
