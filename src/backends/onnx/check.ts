import type { OnnxAttribute, OnnxDType, OnnxModel, OnnxNode, OnnxTensorHeader } from "./model.ts";
import { dtypeOfCode, irVersionOf, supportedOpsets } from "./model.ts";
import type { AttributeRule, Formal, OpSchema, TypeSource, TypeVariable } from "./schema.ts";
import { asDType, isKnownDomain, schemaOf } from "./schema.ts";

/**
 * `opset`: the model's versions. `operator`: no such operator at this opset. `arity`: operands or results missing or too
 * many. `attribute`: unknown, missing, of another kind or with another value than the schema has. `one-of`: not exactly one of
 * several that exclude each other. `dtype`: element types that do not agree. `ssa`: a name defined twice, never, or after its
 * use. `unused`: an initializer that nothing reads. `shape`: a dimension that is neither a size nor a name. `name`: missing or
 * taken.
 */
export type CheckRule =
  | "opset"
  | "operator"
  | "arity"
  | "attribute"
  | "one-of"
  | "dtype"
  | "ssa"
  | "unused"
  | "shape"
  | "name";

export interface Problem {
  readonly rule: CheckRule;
  /** The node's name; "" where the problem is not one of a node. */
  readonly node: string;
  readonly op: string;
  /** What was found, and what the rule asks for. */
  readonly message: string;
}

/**
 * Checks a model against the operator schemas of its opsets and against SSA form; an empty answer means that none of the
 * rules is broken. Shapes are not inferred. Nodes of other domains are held to SSA only.
 */
export function checkModel(model: OnnxModel, headers: Iterable<OnnxTensorHeader>): readonly Problem[] {
  const problems: Problem[] = [];
  const report: Report = (rule, message, node) =>
    problems.push({ rule, node: node?.name ?? "", op: node?.opType ?? "", message });
  const opset = checkVersions(model, report);
  const values = new Values(report);
  const initializers = [...headers];
  for (const { name, dtype } of [...model.inputs, ...initializers]) values.define(name, dtype);
  checkNames(model, report);
  const shapes = new Map(initializers.map(({ name, dims }) => [name, dims]));
  // Where a node's schema does not tell the type of a result, what the model says of it stands.
  const declared = new Map([...model.valueInfo, ...model.outputs].map(({ name, dtype }) => [name, dtype]));
  for (const node of model.nodes) {
    const operands = node.inputs.map((name) => values.use(name, node));
    const results = checkNode(node, operands, opset, model, report);
    if (node.opType === "Split") checkParts(node, shapes.get(node.inputs[1] ?? ""), report);
    for (const [index, name] of node.outputs.entries()) {
      if (name !== "") values.define(name, results[index] ?? declared.get(name), node);
    }
  }
  for (const { name, dtype } of model.outputs) values.declare(name, dtype, "graph output");
  for (const { name, dtype } of model.valueInfo) values.declare(name, dtype, "value info");
  const outputs = new Set(model.outputs.map(({ name }) => name));
  for (const { name } of initializers) {
    if (!values.isUsed(name) && !outputs.has(name)) report("unused", `nothing reads the initializer "${name}"`);
  }
  return problems;
}

type Report = (rule: CheckRule, message: string, node?: OnnxNode) => void;
/** Undefined where a type does not follow, as after an undefined operand or a node of another domain. */
type Known = OnnxDType | undefined;

/** The values defined so far, in the order of the nodes. */
class Values {
  readonly #dtypes = new Map<string, Known>();
  readonly #used = new Set<string>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  define(name: string, dtype: Known, node?: OnnxNode): void {
    if (name === "") this.#report("name", "an input or initializer has no name", node);
    if (this.#dtypes.has(name)) this.#report("ssa", `the value "${name}" is defined a second time`, node);
    this.#dtypes.set(name, dtype);
  }

  use(name: string, node: OnnxNode): Known {
    if (name === "") return undefined;
    if (!this.#dtypes.has(name)) this.#report("ssa", `the operand "${name}" is not defined before it is used`, node);
    this.#used.add(name);
    return this.#dtypes.get(name);
  }

  declare(name: string, dtype: OnnxDType, what: string): void {
    if (!this.#dtypes.has(name)) return this.#report("ssa", `no node produces the ${what} "${name}"`);
    const found = this.#dtypes.get(name);
    if (found !== undefined && found !== dtype) {
      this.#report("dtype", `the ${what} "${name}" is declared ${dtype}, but it is ${found}`);
    }
  }

  isUsed(name: string): boolean {
    return this.#used.has(name);
  }
}

/** The standard opset, or 0 where the model does not say it. */
function checkVersions({ opsetImports, irVersion, metadata }: OnnxModel, report: Report): number {
  const domains = opsetImports.map(({ domain }) => domain);
  for (const domain of duplicates(domains)) report("opset", `the domain "${domain}" is imported twice`);
  for (const key of duplicates(metadata.map(([name]) => name)))
    report("name", `the metadata key "${key}" is there twice`);
  const opset = opsetImports.find(({ domain }) => domain === "")?.version ?? 0;
  if (!supportedOpsets.includes(opset)) {
    report("opset", `the standard opset is ${opset}, and ${supportedOpsets.join(", ")} are supported`);
  } else if (irVersion !== irVersionOf(opset)) {
    report("opset", `opset ${opset} belongs to IR version ${irVersionOf(opset)}, not ${irVersion}`);
  }
  return opset;
}

function checkNames({ graphName, nodes, inputs, outputs, valueInfo }: OnnxModel, report: Report): void {
  if (graphName === "") report("name", "the graph has no name");
  for (const name of duplicates(nodes.map((node) => node.name))) report("name", `two nodes have the name "${name}"`);
  for (const node of nodes.filter(({ name }) => name === "")) report("name", "the node has no name", node);
  for (const values of [outputs, valueInfo]) {
    for (const name of duplicates(values.map((value) => value.name))) report("name", `"${name}" is declared twice`);
  }
  for (const { name, shape } of [...inputs, ...outputs, ...valueInfo]) {
    const wrong = shape.filter(
      (dim) => dim === "" || (typeof dim === "number" && !(Number.isSafeInteger(dim) && dim >= 0)),
    );
    if (wrong.length > 0) report("shape", `"${name}" has the shape [${shape.join(",")}], which is not one`);
  }
}

const duplicates = (names: readonly string[]): ReadonlySet<string> => {
  const seen = new Set<string>();
  return new Set(names.filter((name) => seen.has(name) || !seen.add(name)));
};

/** The dtypes of a node's results, as far as they follow. */
function checkNode(
  node: OnnxNode,
  operands: readonly Known[],
  opset: number,
  model: OnnxModel,
  report: Report,
): Known[] {
  const domain = node.domain ?? "";
  const imported = model.opsetImports.find((known) => known.domain === domain);
  if (imported === undefined) report("opset", `the model does not import its domain "${domain}"`, node);
  if (!isKnownDomain(domain)) return [];
  const version = domain === "" ? opset : (imported?.version ?? 0);
  const schema = schemaOf(node.opType, version, domain);
  if (schema === undefined) {
    const where = domain === "" ? `opset ${version}` : `${domain} ${version}`;
    report("operator", `${where} has no operator of this name that timmc knows`, node);
    return [];
  }
  checkArity("operand", schema.inputs, node.inputs, node, report);
  checkArity("result", schema.outputs, node.outputs, node, report);
  checkAttributes(schema, node, report);
  checkOneOf(schema, node, report);
  return checkTypes(schema, node, operands, report);
}

function checkArity(
  what: string,
  formals: readonly Formal[],
  names: readonly string[],
  node: OnnxNode,
  report: Report,
): void {
  const variadic = formals.at(-1)?.option === "variadic";
  if (names.length > formals.length && !variadic) {
    report("arity", `it has ${names.length} ${what}s, and the most is ${formals.length}`, node);
  }
  for (const [index, formal] of formals.entries()) {
    if (formal.option !== "optional" && !names[index]) report("arity", `the ${what} ${formal.name} is missing`, node);
  }
  if (variadic && names.slice(formals.length).includes("")) report("arity", `an empty name among its ${what}s`, node);
}

function checkAttributes(schema: OpSchema, node: OnnxNode, report: Report): void {
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const rule = schema.attributes.get(name);
    const wrong =
      rule === undefined ? `${node.opType}-${schema.since} has no such attribute` : mismatch(rule, attribute);
    if (wrong !== undefined) report("attribute", `${name}: ${wrong}`, node);
  }
  for (const [name, { required }] of schema.attributes) {
    if (required && !Object.hasOwn(node.attributes, name)) report("attribute", `${name}: it is required`, node);
  }
}

function mismatch(rule: AttributeRule, { kind, value }: OnnxAttribute): string | undefined {
  if (kind !== rule.kind) return `its kind is ${kind}, and the schema asks for ${rule.kind}`;
  if (rule.values === undefined || rule.values.has(String(value))) return undefined;
  return `it is ${String(value)}, and the schema has ${[...rule.values].join(", ")}`;
}

function checkOneOf({ oneOf, inputs }: OpSchema, node: OnnxNode, report: Report): void {
  const given = oneOf.filter((name) => {
    const index = inputs.findIndex((formal) => formal.name === name);
    return index < 0 ? Object.hasOwn(node.attributes, name) : Boolean(node.inputs[index]);
  });
  if (oneOf.length > 0 && given.length !== 1) {
    const found = given.length === 0 ? "none" : given.join(" and ");
    report("one-of", `exactly one of ${oneOf.join(", ")} must be given, and there is ${found}`, node);
  }
}

/** As many results as lengths: of other counts ONNX Runtime 1.30 does not say that they are wrong, but ends the process. */
function checkParts(node: OnnxNode, split: readonly number[] | undefined, report: Report): void {
  const parts = node.attributes.num_outputs;
  const count = parts?.kind === "int" ? parts.value : split?.[0];
  if (count !== undefined && count !== node.outputs.length) {
    report("arity", `it has ${node.outputs.length} results for ${count} parts`, node);
  }
}

/** Binds the type variables by the operands and gives the types of the results. */
function checkTypes(schema: OpSchema, node: OnnxNode, operands: readonly Known[], report: Report): Known[] {
  const bound = new Map<string, OnnxDType>();
  const open = new Set<string>();
  for (const [index, dtype] of operands.entries()) {
    const formal = schema.inputs[index] ?? schema.inputs.at(-1);
    if (formal === undefined || node.inputs[index] === "") continue;
    const wrong = dtype === undefined ? undefined : bind(formal.type, dtype, schema.variables, bound);
    if (wrong !== undefined) report("dtype", `${formal.name} is ${dtype}, and ${wrong}`, node);
    if (dtype === undefined) open.add(formal.type);
  }
  for (const [name, { sources }] of schema.variables) {
    const { attribute, dtype } = resolve(sources, node, bound, report);
    // What no attribute says is a default, and speaks only where no operand does.
    if (dtype === undefined || (attribute === undefined && (bound.has(name) || open.has(name)))) continue;
    const wrong = bind(name, dtype, schema.variables, bound);
    if (wrong !== undefined) report("dtype", `${attribute ?? "its default"} asks for ${dtype}, and ${wrong}`, node);
  }
  return node.outputs.map((_, index) => {
    const type = (schema.outputs[index] ?? schema.outputs.at(-1))?.type ?? "";
    return asDType(type) ?? bound.get(type);
  });
}

/** Gives `type` the dtype, or says why it cannot have it. */
function bind(
  type: string,
  dtype: OnnxDType,
  variables: ReadonlyMap<string, TypeVariable>,
  bound: Map<string, OnnxDType>,
): string | undefined {
  const fixed = asDType(type) ?? bound.get(type);
  if (fixed !== undefined)
    return fixed === dtype ? undefined : `its type ${type === fixed ? "" : `${type} `}is ${fixed}`;
  const allowed = variables.get(type)?.allowed;
  if (allowed !== undefined && !allowed.has(dtype)) return `${type} is one of ${[...allowed].join(", ")}`;
  bound.set(type, dtype);
  return undefined;
}

/** The dtype of the first source that is there, and the attribute that gave it. */
function resolve(
  sources: readonly TypeSource[],
  node: OnnxNode,
  bound: ReadonlyMap<string, OnnxDType>,
  report: Report,
): { readonly attribute?: string; readonly dtype: Known } {
  for (const [index, source] of sources.entries()) {
    if ("attribute" in source) {
      const { attribute } = source;
      const given = node.attributes[attribute];
      const dtype = given === undefined ? undefined : (source.dtype ?? dtypeOfAttribute(given));
      if (dtype !== undefined) return { attribute, dtype };
      // Zero is UNDEFINED, which leaves the type to the next source.
      const silent = given?.kind !== "int" || (given.value === 0 && index + 1 < sources.length);
      if (!silent) report("dtype", `${attribute} is ${given.value}, which is no element type that timmc writes`, node);
    } else {
      const dtype = "variable" in source ? bound.get(source.variable) : source.dtype;
      if (dtype !== undefined) return { dtype };
    }
  }
  return { dtype: undefined };
}

function dtypeOfAttribute(attribute: OnnxAttribute): Known {
  if (attribute.kind === "tensor") return attribute.value.dtype;
  return attribute.kind === "int" ? dtypeOfCode(attribute.value) : undefined;
}
