import { sizeName } from "../sizes.ts";
import { createHash } from "node:crypto";
import { parseReference } from "../../frontend/reference.ts";
import { canonicalText } from "../cache/canonical.ts";
import { hasField } from "./normal.ts";
import { type FieldName, type VariantFields, fieldNames } from "./variant.ts";

/**
 * Names of variants: folders that say what a variant is, made of the fields in which variants differ. They are legal on
 * every file system, unlike in more than case, and no longer than `maxSegment` in either part.
 */

const maxSegment = 80;

/** Names that Windows keeps for devices, whatever follows the first dot. */
const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** A name per variant, in order; `fields` are in their normal form and all different. */
export function nameVariants(variants: readonly VariantFields[], varying: readonly FieldName[]): string[] {
  const described = variants.map((fields) => ({ fields, name: `${modelPart(fields)}/${rest(fields, varying)}` }));
  const taken = new Map<string, number>();
  for (const { name } of described) taken.set(fold(name), (taken.get(fold(name)) ?? 0) + 1);
  return described.map(({ fields, name }) =>
    (taken.get(fold(name)) ?? 0) > 1 ? `${shortened(name, maxName)}~${digest(fields, 10)}` : name,
  );
}

/** Both parts, the slash, and nothing else. */
const maxName = 2 * maxSegment + 1;

/** File systems that ignore case keep one of two names that differ in it. */
const fold = (name: string): string => name.toLowerCase();

/** The fields in which variants differ, in the order of names; a field that a variant's target lacks is no difference. */
export function varyingFields(variants: readonly VariantFields[]): FieldName[] {
  return fieldNames.filter((field) => {
    const having = variants.filter((v) => hasField(v.target ?? "onnx", field));
    return new Set(having.map((v) => canonicalText(v[field] ?? null))).size > 1;
  });
}

function modelPart({ model }: VariantFields): string {
  const reference = parseReference(model);
  switch (reference.kind) {
    case "timm":
      return segment(model, model);
    case "local-dir":
      return segment(reference.path.split(/[/\\]/).findLast((part) => !/^\.{0,2}$/.test(part)) ?? "folder", model);
    case "hf-hub":
      return segment(model.replace(/^hf-hub:/, "").replace("/", "--"), model);
    default:
      return reference satisfies never;
  }
}

function rest(fields: VariantFields, varying: readonly FieldName[]): string {
  const parts = varying.filter((field) => field !== "model").map((field) => spelled(field, fields));
  const text = parts.filter((part) => part !== "").join("-");
  return segment(text === "" ? "default" : text, canonicalText(fields));
}

/** A legal name: what is not is spelled with a hyphen, and what is too long ends in a hash of `whole`. */
function segment(text: string, whole: string): string {
  const legal = text
    .replaceAll(/[^\w.+=,@-]+/g, "-")
    .replaceAll(/^[.-]+|[.-]+$/g, "")
    .replaceAll(/\.{2,}/g, ".");
  const name = legal === "" || reserved.test(legal) ? `_${legal}` : legal;
  return name.length <= maxSegment ? name : `${shortened(name, maxSegment)}~${digest(whole, 10)}`;
}

const shortened = (name: string, most: number): string => name.slice(0, most - 11).replaceAll(/[./-]+$/g, "");

const digest = (value: unknown, length: number): string =>
  createHash("sha256").update(canonicalText(value)).digest("hex").slice(0, length);

/** How a name says a field; empty where the variant has none. */
function spelled(field: FieldName, fields: VariantFields): string {
  const value = fields[field];
  return value === undefined ? "" : spell[field](value as never);
}

const object = (value: object): string =>
  Object.entries(value)
    .map(([key, x]) => `${key}=${typeof x === "string" ? x : (JSON.stringify(x) ?? "")}`)
    .join("+");

const lastPart = (path: string): string => path.split(/[/\\]/).at(-1) ?? path;
const fileStem = (path: string): string => lastPart(path).replace(/\.[a-z]+$/i, "");

const spell: { readonly [K in FieldName]: (value: NonNullable<VariantFields[K]>) => string } = {
  model: (name) => name,
  args: object,
  cfg: object,
  inputSize: (size) => {
    if (typeof size !== "object") return String(size);
    const [c, ...sides] = size.length === 3 ? size : [3, ...size];
    return `${c === 3 ? "" : `${c}x`}${sides.join("x")}`;
  },
  target: String,
  precision: String,
  calibration: (value) => (typeof value === "string" ? fileStem(value) : lastPart(value.images)),
  dynamicSize: (multiple) => (multiple === true ? "any-size" : `any-${multiple}`),
  sizes: (sizes) => sizes.map(sizeName).join("+"),
  maxError: (error) => `error${error}`,
  taps: (taps) => taps.join("+"),
  tapFormat: String,
  tapNorm: () => "tap-norm",
  softmax: () => "softmax",
  preprocess: () => "preprocess",
  batch: (batch) => `b${batch}`,
  opset: (opset) => `opset${opset}`,
  onnxOps: String,
  layout: String,
  weights: (weights) => (typeof weights === "string" ? weights : fileStem(weights.file)),
  optimization: String,
  passes: (passes) => (passes.length === 0 ? "no-passes" : passes.join("+")),
  tiles: (tiles) => `tiles-${digest(tiles, 8)}`,
};
