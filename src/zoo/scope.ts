import { type AttrValue } from "../ir/attr.ts";
import { type Builder, build } from "../ir/builder.ts";
import { type Dim, isStatic, printDim } from "../ir/dim.ts";
import type { DType } from "../ir/dtype.ts";
import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import { type OpName, ops } from "../ir/ops/index.ts";
import type { Value } from "../ir/value.ts";

/** A module is a function; the path of the scope it is called in is its checkpoint prefix. */
export type Module = (s: Scope, x: Value) => Value;

/** An entry of the checkpoint, whether or not the forward pass reads it. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly kind: "parameter" | "buffer";
}

/** What one lowering collects: the graph, the checkpoint entries, and what every module returned. */
export interface Lowering {
  readonly graph: Graph;
  readonly parameters: Map<string, Parameter & { readonly value: Value }>;
  /** Results of every module by path, in the order of the calls. */
  readonly modules: Map<string, Value[]>;
  readonly shared: Map<string, Value>;
  /** Output channels of pruned convolutions by path. */
  readonly widths: Map<string, number>;
  /** Arguments that timm accepts and ignores here, and other things worth saying. */
  readonly notices: Set<string>;
  /** Elements of all parameters so far. */
  elements: number;
}

export const newLowering = (graph: Graph): Lowering => ({
  graph,
  parameters: new Map(),
  modules: new Map(),
  shared: new Map(),
  widths: new Map(),
  notices: new Set(),
  elements: 0,
});

/** Far above every network of timm: what exceeds these is a mistake or an attack, and would exhaust the memory. */
const maxValues = 50_000;
const maxElements = 2e11;

const tooLarge = (what: string): TimmcError =>
  new TimmcError("unsupported", `the network has more than ${what}`, {
    hint: "check the arguments that set its depth and widths",
  });

const print = ({ shape, dtype, kind }: Omit<Parameter, "name">): string => `${kind} ${dtype}[${shape.join(", ")}]`;

interface ParamOptions {
  readonly dtype?: DType;
  readonly kind?: "parameter" | "buffer";
}

class ScopeBase {
  readonly path: string;
  private readonly lowering: Lowering;

  constructor(lowering: Lowering, path: string) {
    this.lowering = lowering;
    this.path = path;
  }

  get graph(): Graph {
    return this.lowering.graph;
  }

  /** The scope of a child module. */
  at(name: string | number): Scope {
    return scope(this.lowering, this.path === "" ? String(name) : `${this.path}.${name}`);
  }

  /** A checkpoint entry of this module, declared where it is used. Asking for the same again gives the same value. */
  param(name: string, shape: readonly Dim[], options: ParamOptions = {}): Value {
    const key = this.path === "" ? name : `${this.path}.${name}`;
    const fixed = shape.map((d) => this.static(d, `the parameter ${key} has this extent`));
    const { dtype = "f32", kind = "parameter" } = options;
    const asked = { shape: fixed, dtype, kind };
    const known = this.lowering.parameters.get(key);
    if (known !== undefined) {
      if (print(known) === print(asked)) return known.value;
      throw new TimmcError("invalid-ir", `the parameter ${key} is ${print(known)} and ${print(asked)}`);
    }
    this.lowering.elements += fixed.reduce((product, extent) => product * extent, 1);
    if (this.lowering.elements > maxElements) throw tooLarge(`${maxElements} parameter elements`);
    const value = this.graph.insert("param", [], { key, dtype, shape: fixed }, { path: key, rules: [] });
    this.lowering.parameters.set(key, { name: key, ...asked, value });
    return value;
  }

  /** Calls a child module and records its result as a tap point. */
  call(name: string | number, module: Module, x: Value): Value {
    const child = this.at(name);
    const result = withinModule(child.path, () => module(child, x));
    const results = this.lowering.modules.get(child.path);
    if (results === undefined) this.lowering.modules.set(child.path, [result]);
    else results.push(result);
    return result;
  }

  /** Named children one after the other; absent ones are nn.Identity. `sequence` takes integer names. */
  chain(x: Value, steps: Readonly<Record<string, Module | undefined>>): Value {
    let y = x;
    for (const [name, module] of Object.entries(steps)) {
      // JavaScript moves integer keys to the front, whatever the order they are written in.
      if (/^\d+$/.test(name)) throw new TimmcError("invalid-ir", `a chain has no order for the child named ${name}`);
      if (module !== undefined) y = this.call(name, module, y);
    }
    return y;
  }

  /** An nn.Sequential: children named by their index; absent ones are nn.Identity and keep their index. */
  sequence(x: Value, modules: readonly (Module | undefined)[]): Value {
    return modules.reduce((y, module, i) => (module === undefined ? y : this.call(i, module, y)), x);
  }

  /** A value that several modules use and that depends on nothing but the key, such as a table of positions. */
  shared(key: string, make: () => Value): Value {
    const known = this.lowering.shared.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.lowering.shared.set(key, value);
    return value;
  }

  /** The number behind a dimension; `why` completes the refusal under a dynamic size. */
  static(dim: Dim, why: string): number {
    if (isStatic(dim)) return dim;
    throw new TimmcError("unsupported", `a fixed size is needed, not ${printDim(dim)}: ${why}`, {
      hint: "compile with a fixed --input-size",
    });
  }

  /** Axis 1 of a map [N, C, H, W] (or of its means [N, C]). */
  channels(x: Value): number {
    return this.static(x.type.shape[1] ?? 0, "channels are the width of parameters");
  }

  /** The last axis, of tokens [N, L, D] or of a map [N, H, W, C]. */
  features(x: Value): number {
    return this.static(x.type.shape.at(-1) ?? 0, "features are the width of parameters");
  }

  /** A number of the definition as a weight. */
  scalar(value: number, dtype: DType = "f32"): Value {
    return (this as unknown as Scope).constant({ values: [value], dtype });
  }

  /** Declares the network pruned: output channels by convolution path. */
  prune(widths: Readonly<Record<string, number>>): void {
    for (const [path, out] of Object.entries(widths)) this.lowering.widths.set(path, out);
  }

  /** The output channels of this convolution: pruned, or as designed. */
  width(designed: number): number {
    return this.lowering.widths.get(this.path) ?? designed;
  }

  notice(text: string): void {
    this.lowering.notices.add(text);
  }

  /** The builder's methods end here. */
  protected make(name: OpName, args: readonly (Value | AttrValue)[]): Value {
    if (this.graph.size >= maxValues) throw tooLarge(`${maxValues} values`);
    return build({ graph: this.graph, origin: { path: this.path, rules: [] } }, name, args);
  }
}

/** Names the innermost module that an error left; the modules around it are the beginning of its path. */
function withinModule<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const named = error instanceof TimmcError && (error.trail[0]?.startsWith(`${path}.`) ?? false);
    throw error instanceof TimmcError && !named ? error.within(path) : error;
  }
}

/** Sources that only a lowering makes: parameters come from `param` above. */
const sources = ["input", "param"] as const;
type Source = (typeof sources)[number];

/** A method per op: `b.add(x, y)`, `b.softmax(x, { axis: -1 })`. */
export type Ops = Omit<Builder, Source>;

/** A place in the module tree, which builds there. */
export type Scope = ScopeBase & Ops;

for (const name of (Object.keys(ops) as OpName[]).filter((n) => !sources.some((s) => s === n)))
  Object.defineProperty(ScopeBase.prototype, name, {
    value(this: { make(name: OpName, args: readonly unknown[]): Value }, ...args: unknown[]) {
      return this.make(name, args);
    },
  });

/** The methods of Builder are on the prototype, installed above from the table of ops. */
export const scope = (lowering: Lowering, path: string): Scope => new ScopeBase(lowering, path) as unknown as Scope;
