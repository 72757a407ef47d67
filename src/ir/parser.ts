import type { AttrValue } from "./attr.ts";
import { parseDim } from "./dim-parser.ts";
import { dtypes } from "./dtype.ts";
import { Graph, type Output } from "./graph.ts";
import { nameOf, root } from "./name.ts";
import { type OpName, opOf, ops } from "./ops/index.ts";
import { Scanner } from "./scanner.ts";
import { type TensorType, printType, sameType, tensor } from "./type.ts";
import type { Value } from "./value.ts";

/**
 * Reads a graph as `printGraph` writes it; `//` starts a comment:
 *
 *     graph   = "graph" "@"name "{" ["weights" "{" {value} "}"] {value} ["return" output {"," output}] "}"
 *     value   = ref "=" op "(" [operand {"," operand}] ")" ["{" attr {"," attr} "}"] ":" type ["by" name {"," name}]
 *     ref     = ("$" | "%") name ["~" integer]         $ for weights
 *     operand = ref | "-"                              - for an absent optional operand
 *     attr    = word "=" literal
 *     output  = string "=" ref
 *     name    = {letter | digit | "_" | "." | "-"} | string
 *
 * The text is untrusted. Throws `invalid-ir` with line:column where it is malformed, where an op refuses its operands, and
 * where a written type is not the inferred one.
 */
export function parseGraph(text: string): Graph {
  const scan = new Scanner(text);
  scan.expect("graph");
  scan.expect("@");
  const graph = new Graph(scan.name("the name of the graph"));
  const reader: Reader = { scan, graph, values: new Map() };
  scan.expect("{");
  if (scan.accept("weights")) {
    scan.expect("{");
    while (!scan.accept("}")) readValue(reader, "$");
  }
  readBody(reader);
  if (!scan.atEnd) scan.fail("the end of the text");
  return graph;
}

type Sigil = "$" | "%";

interface Reader {
  readonly scan: Scanner;
  readonly graph: Graph;
  /** By sigil and name. */
  readonly values: Map<string, Value>;
}

/** Up to the closing brace; `return` can only be the last. */
function readBody(reader: Reader): void {
  const { scan, graph } = reader;
  while (!scan.accept("}")) {
    if (!scan.accept("return")) {
      readValue(reader, "%");
      continue;
    }
    const at = scan.position;
    const outputs = scan.list(() => readOutput(reader));
    scan.located(at, () => graph.setOutputs(outputs));
    scan.expect("}");
    return;
  }
}

function readOutput(reader: Reader): Output {
  const name = reader.scan.string() ?? reader.scan.fail("the name of an output in quotes");
  reader.scan.expect("=");
  return { name, value: readUse(reader) };
}

function readValue(reader: Reader, sigil: Sigil): void {
  const { scan, graph, values } = reader;
  const start = scan.position;
  const ref =
    readRef(scan, [sigil]) ?? scan.fail(sigil === "$" ? `a weight ($name) or "}"` : `a value (%name), "return" or "}"`);
  scan.expect("=");
  const op = readOp(scan);
  const operands = readOperands(reader);
  const attrs = readAttrs(scan, op);
  scan.expect(":");
  const typeAt = scan.position;
  const type = readType(scan);
  const typeEnd = scan.position;
  const rules = scan.accept("by") ? scan.list(() => scan.name("the name of a rule")) : [];
  const origin = { path: ref.path, rules };
  const value = scan.located(start, () => graph.insert(op, operands, attrs, origin, undefined, ref.repetition));
  if (!sameType(value.type, type)) scan.fail(`the type that ${op} gives: ${printType(value.type)}`, typeAt, typeEnd);
  if (value.isWeight !== (sigil === "$"))
    scan.fail(
      value.isWeight
        ? `${op} of weights to be a weight ($) in the weights block`
        : `a weight to depend on parameters and constants alone`,
      start,
    );
  values.set(ref.key, value);
}

interface Reference {
  readonly path: string;
  readonly repetition: number;
  readonly key: string;
}

function readRef(scan: Scanner, sigils: readonly Sigil[]): Reference | undefined {
  const at = scan.position;
  const sigil = sigils.find((s) => scan.accept(s));
  if (sigil === undefined) return undefined;
  const base = scan.name("the name of a value");
  const digits = scan.accept("~") ? (scan.take(/[1-9]\d{0,8}(?!\d)/y) ?? scan.fail("a repetition from 1")) : "0";
  const path = base === root ? "" : base;
  if (base === "") scan.fail("the name of a value", at, scan.position);
  return { path, repetition: Number(digits), key: sigil + scan.located(at, () => nameOf(path, Number(digits))) };
}

/** A reference to a value that stands above. */
function readUse({ scan, values }: Reader): Value {
  const at = scan.position;
  const ref = readRef(scan, ["%", "$"]) ?? scan.fail("a value: %name or $name");
  return values.get(ref.key) ?? scan.fail("a value that is defined above", at, scan.position);
}

function readOperands(reader: Reader): (Value | undefined)[] {
  const { scan } = reader;
  scan.expect("(");
  if (scan.accept(")")) return [];
  const operands = scan.list(() => (scan.accept("-") ? undefined : readUse(reader)));
  scan.expect(")");
  return operands;
}

const isOpName = (name: string): name is OpName => Object.hasOwn(ops, name);

function readOp(scan: Scanner): OpName {
  const at = scan.position;
  const name = scan.take(/\w+/y) ?? scan.fail("an op");
  return isOpName(name) ? name : scan.fail("an op", at);
}

function readAttrs(scan: Scanner, op: OpName): Readonly<Record<string, AttrValue>> {
  const specs = opOf(op).attrs;
  const given: Record<string, AttrValue> = {};
  if (!scan.accept("{")) return given;
  scan.list(() => {
    const at = scan.position;
    const name = scan.take(/\w+/y) ?? scan.fail("an attribute");
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined) scan.fail(`an attribute of ${op}: ${Object.keys(specs).join(", ") || "it has none"}`, at);
    if (Object.hasOwn(given, name)) scan.fail("every attribute once", at);
    scan.expect("=");
    const valueAt = scan.position;
    const value = readLiteral(scan);
    if (!spec.accepts(value)) scan.fail(`${op}'s ${name} (${spec.type})`, valueAt, scan.position);
    given[name] = value;
  });
  scan.expect("}");
  return given;
}

/** A number that no operator of a dimension follows. */
const number = /(?:NaN|-?(?:Infinity|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))(?!\s*[\w.*+-])/y;

/** Lists hold no lists: no attribute does. */
function readLiteral(scan: Scanner): AttrValue {
  if (!scan.accept("[")) return readScalar(scan);
  if (scan.accept("]")) return [];
  const items = scan.list(() => readScalar(scan));
  scan.expect("]");
  return items;
}

function readScalar(scan: Scanner): AttrValue {
  if (scan.accept("true")) return true;
  if (scan.accept("false")) return false;
  const digits = scan.take(number);
  return digits === undefined ? (scan.string() ?? parseDim(scan)) : Number(digits);
}

function readType(scan: Scanner): TensorType {
  const at = scan.position;
  const word = scan.take(/\w+/y);
  const dtype = dtypes.find((d) => d === word) ?? scan.fail(`an element type: ${dtypes.join(", ")}`, at);
  scan.expect("[");
  if (scan.accept("]")) return tensor(dtype, []);
  const shape = scan.list(() => parseDim(scan));
  scan.expect("]");
  return tensor(dtype, shape);
}
