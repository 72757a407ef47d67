import { TimmcError } from "../../ir/error.ts";
import type { AttributeKind, OnnxDType } from "./model.ts";
import { onnxDTypes } from "./model.ts";
import { contribDomain } from "./forms.ts";
import { contribOps } from "./schema/contrib.ts";
import { mathOps } from "./schema/math.ts";
import { nnOps } from "./schema/nn.ts";
import { quantOps } from "./schema/quant.ts";
import type { OpTable, Row } from "./schema/row.ts";
import { tensorOps } from "./schema/tensor.ts";

/** What an operator set asks of a node. The facts are in schema/*.ts, in the notation that schema/row.ts defines. */
export interface OpSchema {
  /** The opset that brought this version of the operator. */
  readonly since: number;
  readonly inputs: readonly Formal[];
  readonly outputs: readonly Formal[];
  readonly variables: ReadonlyMap<string, TypeVariable>;
  readonly attributes: ReadonlyMap<string, AttributeRule>;
  /** Inputs and attributes of which exactly one is given; empty for most operators. */
  readonly oneOf: readonly string[];
}

/** An operand or a result; only the last of a list may be variadic. */
export interface Formal {
  readonly name: string;
  /** A dtype or the name of a type variable. */
  readonly type: string;
  readonly option: "single" | "optional" | "variadic";
}

export interface TypeVariable {
  readonly allowed: ReadonlySet<OnnxDType>;
  readonly sources: readonly TypeSource[];
}

/** Where the dtype of a result comes from: the `attribute` if it is given, as its value or as `dtype`; else the next one. */
export type TypeSource =
  | { readonly attribute: string; readonly dtype?: OnnxDType }
  | { readonly variable: string }
  | { readonly dtype: OnnxDType };

export interface AttributeRule {
  readonly kind: AttributeKind;
  readonly required: boolean;
  /** The only values, as text; absent where the schema sets no limit. */
  readonly values?: ReadonlySet<string>;
}

const standard: OpTable = { ...mathOps, ...nnOps, ...tensorOps, ...quantOps };
const tables: ReadonlyMap<string, OpTable> = new Map([
  ["", standard],
  [contribDomain, contribOps],
]);

/** Whether timmc knows the operators of a domain. */
export const isKnownDomain = (domain: string): boolean => tables.has(domain);

/** Every operator of a domain, in the order of its table. */
export const schemaOps = (domain = ""): readonly string[] => Object.keys(tables.get(domain) ?? {});

/**
 * The schema in force at a version of a domain; undefined for an operator that timmc does not know or the version does
 * not have.
 */
export function schemaOf(op: string, opset: number, domain = ""): OpSchema | undefined {
  const table = tables.get(domain) ?? {};
  const versions = Object.hasOwn(table, op) ? table[op] : undefined;
  // Integer keys come in ascending order.
  const since = Object.keys(versions ?? {})
    .map(Number)
    .findLast((version) => version <= opset);
  const row = since === undefined ? undefined : versions?.[since];
  if (since === undefined || row === undefined) return undefined;
  const known = parsed.get(row) ?? parseRow(row, since);
  parsed.set(row, known);
  return known;
}

const parsed = new Map<Row, OpSchema>();

function parseRow({ io, types, attributes, oneOf }: Row, since: number): OpSchema {
  const [inputs = "", outputs = ""] = io.split("->");
  const attributeNames = words(attributes).map((word) => word.split(":")[0] ?? "");
  return {
    since,
    inputs: words(inputs).map(parseFormal),
    outputs: words(outputs).map(parseFormal),
    variables: new Map(words(types).map((word) => parseVariable(word, attributeNames))),
    attributes: new Map(words(attributes).map(parseAttribute)),
    oneOf: words(oneOf.replaceAll("|", " ")),
  };
}

const misspelt = (text: string): TimmcError =>
  new TimmcError("invalid-ir", `the ONNX schema table has "${text}", which its notation does not know`);

const words = (text: string): string[] => text.split(" ").filter((word) => word !== "");

function parseFormal(text: string): Formal {
  const [name = "", type = ""] = text.replace(/[?*]$/, "").split(":");
  return { name, type, option: text.endsWith("?") ? "optional" : text.endsWith("*") ? "variadic" : "single" };
}

const ieee: readonly OnnxDType[] = ["f16", "f32", "f64"];
const float: readonly OnnxDType[] = [...ieee, "bf16"];
const integer: readonly OnnxDType[] = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"];
const typeSets: ReadonlyMap<string, readonly OnnxDType[]> = new Map([
  ["ieee", ieee],
  ["float", float],
  ["integer", integer],
  ["index", ["i32", "i64"]],
  ["byte", ["i8", "u8"]],
  ["nibble", ["i4", "u4"]],
  ["wide", [...float, "i32", "i64", "u32", "u64"]],
  ["number", [...float, ...integer]],
  ["any", [...float, ...integer, "bool"]],
  ...onnxDTypes.map((dtype): [OnnxDType, OnnxDType[]] => [dtype, [dtype]]),
]);

function parseVariable(text: string, attributeNames: readonly string[]): [string, TypeVariable] {
  const [name = "", rule = ""] = text.split("=");
  const [set = "", ...sources] = rule.split("<");
  const members = set.split("|").map((member) => typeSets.get(member));
  const allowed = new Set(members.flatMap((dtypes) => dtypes ?? []));
  if (members.includes(undefined)) throw misspelt(text);
  return [name, { allowed, sources: sources.map((source) => parseSource(source, attributeNames)) }];
}

function parseSource(text: string, attributeNames: readonly string[]): TypeSource {
  const [name = "", implied] = text.split(":");
  const dtype = asDType(implied ?? name);
  if (attributeNames.includes(name)) return dtype === undefined ? { attribute: name } : { attribute: name, dtype };
  return dtype === undefined ? { variable: name } : { dtype };
}

/** The dtype of that name; undefined for the name of a type variable. */
export const asDType = (name: string): OnnxDType | undefined => onnxDTypes.find((dtype) => dtype === name);

const kinds: readonly AttributeKind[] = ["int", "ints", "float", "floats", "string", "strings", "tensor"];

function parseAttribute(text: string): [string, AttributeRule] {
  const [name = "", rule = ""] = text.split(":");
  const [kind = "", values] = rule.split("=");
  const required = kind.endsWith("!");
  const found = kinds.find((known) => known === kind.replace("!", ""));
  if (found === undefined) throw misspelt(text);
  return [name, { kind: found, required, ...(values === undefined ? {} : { values: new Set(values.split("|")) }) }];
}
