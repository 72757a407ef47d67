import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import { type Claims, claimsOf } from "./claims.ts";
import { limits } from "./limits.ts";
import { isMovement } from "./ops/point.ts";
import { launch, mostPaths, mostRead, operationsPerByte, readsPerElement, workOf } from "./cost.ts";
import { type Regions, regionsOf } from "./region.ts";
import { type BuildOptions, packing, storageOf } from "./storage.ts";
import { type Uses, isRoot, lengthOf, operandsOf, usesOf } from "./uses.ts";

/**
 * One kernel: a root, an op that sums, with values behind it that it computes of the elements at hand; without a root the kernel is element by
 * element. What else it reads is stored by kernels before it, or computed where it is read.
 */
export interface Group {
  readonly root: Value | undefined;
  /** The values behind the root that are computed on the way to what is stored, in order. */
  readonly chain: readonly Value[];
  /** The kernel's result, the last value that it stores; and those that it stores on the way, in order. */
  readonly stored: Value;
  readonly also?: readonly Value[];
  /** Of those that it stores, the sums that it takes along: see `pooled` of regions. */
  readonly pooled?: readonly Value[];
  /** Where only this operand of a concatenation is stored, at its place in the result. */
  readonly part?: number;
}

interface Grouping {
  readonly groups: readonly Group[];
  /** Values that are stored in parts of others. */
  readonly claims: Claims;
}

/** Who reads a value from memory, or computes it in place: a kernel, named by what it is of, how often it needs each element, and in how many ways. */
interface Reader {
  readonly times: number;
  readonly paths: number;
}
type Readers = Map<Value, Reader>;

/**
 * Cuts a graph into kernels. Every root is one; a point op is computed behind a root where its elements are at hand, and else where it is
 * read, unless storing it is cheaper: from the outputs to the inputs, the bytes of storing it and of reading it are compared
 * with those of reading what it is made of and with the arithmetic that would be done again and again. Outputs of the graph are stored as well.
 */
export function groupsOf(graph: Graph, options: BuildOptions = {}): Grouping {
  return new Grouper(graph, options).run();
}

class Grouper {
  private readonly values: readonly Value[];
  private readonly uses: Uses;
  private readonly regions: Regions;
  private readonly claims: Claims;
  private readonly readers = new Map<Value, Readers>();
  private readonly leaves = new Map<Value, Set<Value>>();
  private readonly stored = new Set<Value>();
  /** Values that a root's kernel computes. */
  private readonly held = new Set<Value>();
  private readonly members = new Map<Value, Value[]>();
  /** The bindings of weights that a kernel has, each by who reads it. */
  private readonly runs = new Map<Value, Set<string>>();
  private readonly decided = new Set<Value>();
  private readonly weightUses = new Map<Value, number>();
  private readonly options: BuildOptions;

  constructor(graph: Graph, options: BuildOptions) {
    this.options = options;
    this.values = [...graph.values()].filter((v) => !v.isWeight);
    this.uses = usesOf(graph);
    this.regions = regionsOf(graph);
    this.claims = claimsOf(this.values, this.uses, this.regions);
    for (const v of this.values) {
      for (const [w] of weightsOf(v)) this.weightUses.set(w, (this.weightUses.get(w) ?? 0) + 1);
      const root = this.regions.rootOf.get(v);
      if (root !== undefined) this.members.set(root, [...(this.members.get(root) ?? []), v]);
    }
  }

  run(): Grouping {
    for (const value of this.values.toReversed()) if (value.op !== "input") this.decide(value);
    const groups = this.values.flatMap((v) =>
      this.groupsAt(v, this.members.get(v)?.filter((x) => this.held.has(x)) ?? []),
    );
    return { groups: this.inOrder(groups), claims: this.claims };
  }

  /** Kernels in an order in which each comes behind those that it reads from. */
  private inOrder(groups: readonly Group[]): Group[] {
    const position = new Map(this.values.map((v, i) => [v, i]));
    const made = ({ stored, part }: Group): Value => (part === undefined ? undefined : stored.operands[part]) ?? stored;
    const at = (group: Group): number => position.get(made(group)) ?? -1;
    const rank = (group: Group): number => {
      const { root } = group;
      return root === undefined
        ? (this.regions.latest.get(made(group)) ?? -1) + 0.5
        : (this.regions.latest.get(root) ?? -1);
    };
    return groups.toSorted((a, b) => rank(a) - rank(b) || at(a) - at(b));
  }

  private decide(value: Value): void {
    if (this.claims.aliases.has(value)) return;
    this.decided.add(value);
    const readers = this.readers.get(value) ?? new Map<Value, Reader>();
    const isWhole = this.claims.wholes.has(value);
    const needed = this.uses.outputs.has(value) || this.claims.parts.has(value) || isWhole;
    if (needed || (readers.size > 0 && (isRoot(value) || this.isBetterStored(value, readers)))) this.store(value);
    else if (readers.size > 0) for (const x of operandsOf(value)) this.computeFor(value, x, readers);
    this.bindWeights(value);
    if (!this.stored.has(value) && !this.held.has(value)) return;
    const pooling = this.regions.pooled.get(value);
    if (pooling !== undefined) for (const x of operandsOf(value)) this.held.add(x).add(pooling);
    else if (isRoot(value)) value.operands.forEach((x, i) => this.read(value, x, readsPerElement(value, i)));
    else if (this.isCarried(value)) for (const x of operandsOf(value)) this.take(value, x);
    else if (isWhole) for (const x of this.copiesOf(value)) this.read(x, x, 1);
    else for (const x of operandsOf(value)) this.read(value, x, 1);
  }

  private store(value: Value): void {
    this.stored.add(value);
    const root = this.regions.rootOf.get(value);
    if (root !== undefined && (value === root || this.isTakeable(value, root))) this.held.add(value).add(root);
  }

  /** Whether a root's kernel can store a value, with everything on the way to it, in as many bindings as devices have. */
  private isTakeable(value: Value, root: Value): boolean {
    const chain = new Set<Value>();
    const follow = (v: Value): void => {
      if (this.held.has(v) || chain.has(v)) return;
      chain.add(v);
      for (const x of operandsOf(v)) if (this.isAtHand(x, v, root)) follow(x);
    };
    follow(value);
    return chain.size === 0 || this.bindings(root, chain) <= limits.storageBuffers;
  }

  /** Whether an operand of what a root's kernel computes is at hand there. */
  private isAtHand(x: Value, of: Value, root: Value): boolean {
    const { rootOf } = this.regions;
    return of !== root && rootOf.get(of) === root && rootOf.get(x) === root;
  }

  /** How many bindings a kernel has when it computes some more values, in place of reading one. */
  private bindings(kernel: Value, more: ReadonlySet<Value>, without?: Value): number {
    const region = this.members.get(kernel)?.filter((v) => this.held.has(v) || more.has(v)) ?? [];
    const results = region.filter((v) => this.stored.has(v) || this.isRead(v, kernel)).length;
    const coming = new Set([...region.filter((v) => !this.decided.has(v)), ...more]);
    const reads = new Set([...(this.leaves.get(kernel) ?? [])].map(unmoved));
    const runs = new Set(this.runs.get(kernel));
    for (const v of coming) {
      for (const x of operandsOf(v)) if (!this.isAtHand(x, v, kernel)) reads.add(unmoved(x));
      for (const [w, i] of weightsOf(v)) runs.add(this.runOf(w, v, i, this.computers(v)));
    }
    if (without !== undefined) reads.delete(without);
    const sums = [...this.regions.pooled.values()].filter((root) => root === kernel).length;
    return reads.size + runs.size + Math.max(1, results) + sums;
  }

  /** The kernels that compute a value read its weights. */
  private bindWeights(value: Value): void {
    const kernels = this.computers(value);
    for (const [w, i] of weightsOf(value))
      for (const kernel of kernels)
        this.runs.set(kernel, (this.runs.get(kernel) ?? new Set()).add(this.runOf(w, value, i, kernels)));
  }

  /** The kernels that compute a value, as far as it is known. */
  private computers(value: Value): readonly Value[] {
    const root = this.held.has(value) ? this.regions.rootOf.get(value) : undefined;
    if (this.stored.has(value)) return [root ?? value];
    return [...new Set([...(this.readers.get(value)?.keys() ?? []), ...(root === undefined ? [] : [root])])];
  }

  /** A binding of weights: of those that the same kernels read, in numbers of one size. */
  private runOf(weight: Value, reader: Value, operand: number, kernels: readonly Value[]): string {
    const storage = storageOf(weight, packing(weight, reader, operand, this.options), this.options);
    const own = (this.weightUses.get(weight) ?? 0) > 1 ? weight.name : "";
    const by = kernels.length > 1 ? kernels.map((k) => k.name).toSorted() : [];
    return [own, ...by, storage].join(" ");
  }

  /** Whether a value is computed behind a root. */
  private isCarried(value: Value): boolean {
    return this.held.has(value) && this.regions.rootOf.has(value);
  }

  /** A value of a root's kernel needs an operand: it is at hand, or read. */
  private take(value: Value, x: Value): void {
    const root = this.regions.rootOf.get(value) as Value;
    if (this.regions.rootOf.get(x) === root) this.held.add(x);
    else this.read(root, x, 1);
  }

  private read(kernel: Value, x: Value | undefined, times: number, paths = 1): void {
    if (x === undefined || x.isWeight) return;
    const readers = this.readers.get(x) ?? new Map<Value, Reader>();
    const known = readers.get(kernel);
    readers.set(kernel, { times: (known?.times ?? 0) + times, paths: (known?.paths ?? 0) + paths });
    this.readers.set(x, readers);
    this.leaves.set(kernel, (this.leaves.get(kernel) ?? new Set()).add(x));
  }

  /** The kernels that need a value compute it, and read an operand in its place. */
  private computeFor(value: Value, x: Value, readers: Readers): void {
    for (const [kernel, { times, paths }] of readers) {
      this.leaves.get(kernel)?.delete(value);
      this.read(kernel, x, times * (isMovement(value) ? lengthOf(value) / lengthOf(x) : 1), paths);
    }
  }

  private isBetterStored(value: Value, readers: Readers): boolean {
    if (this.bindsTooMuch(value, readers)) return true;
    if (isMovement(value)) return false;
    const operands = operandsOf(value).map(unmoved);
    for (const [kernel, { paths }] of readers) {
      if (paths > mostPaths) return true;
      const own = this.leaves.get(kernel) ?? new Set();
      const fresh = operands.filter((x) => !own.has(x)).length;
      if (own.size - 1 + fresh > mostRead && operands.length > 1) return true;
    }
    return this.costOfStoring(value, operands, readers) < this.costOfComputing(value, operands, readers);
  }

  /** Whether a kernel that computes a value in place has more bindings than devices have, and fewer if it reads it. */
  private bindsTooMuch(value: Value, readers: Readers): boolean {
    if (operandsOf(value).length + weightsOf(value).length < 2) return false;
    return [...readers.keys()].some((kernel) => {
      const count = this.bindings(kernel, new Set([value]), value);
      return count > limits.storageBuffers && count > this.bindings(kernel, new Set());
    });
  }

  private costOfStoring(value: Value, operands: readonly Value[], readers: Readers): number {
    const own = bytesOf(value) * (1 + readers.size);
    return this.regions.rootOf.has(value) ? own : own + bytes(operands) + launch;
  }

  private costOfComputing(value: Value, operands: readonly Value[], readers: Readers): number {
    const times = [...readers.values()].reduce((sum, r) => sum + r.times, 0);
    const arithmetic = (lengthOf(value) * times * workOf(value)) / operationsPerByte;
    // What is only at hand would have to be stored in its place.
    const root = this.regions.rootOf.get(value);
    const more = operands.filter(
      (x) => root !== undefined && this.regions.rootOf.get(x) === root && !this.isRead(x, root),
    );
    return arithmetic + bytes(operands) * readers.size + bytes(more);
  }

  /** Whether a value is stored in any case: someone else than its own kernel needs it. */
  private isRead(value: Value, root: Value): boolean {
    if (this.uses.outputs.has(value) || this.stored.has(value)) return true;
    return (this.uses.users.get(value) ?? []).some((user) =>
      isRoot(user)
        ? !this.regions.pooled.has(user)
        : this.regions.rootOf.get(user) !== root || (isMovement(user) && this.isRead(user, root)),
    );
  }

  /** The operands of a concatenation that are copied to it. */
  private copiesOf(value: Value): Value[] {
    return (this.claims.copied.get(value) ?? []).flatMap((i) => value.operands[i] ?? []);
  }

  private groupsAt(value: Value, region: readonly Value[]): Group[] {
    if (this.regions.pooled.has(value)) return [];
    if (isRoot(value)) {
      const results = region.filter((v) => this.stored.has(v));
      const pooled = this.values.filter((v) => this.regions.pooled.get(v) === value && this.stored.has(v));
      const all = results.length === 0 ? pooled : [...results.slice(0, -1), ...pooled, ...results.slice(-1)];
      const stored = all.at(-1);
      if (stored === undefined) return [];
      const needed = new Set([...results, ...pooled.flatMap(operandsOf)]);
      const chain = region.slice(1, region.findLastIndex((v) => needed.has(v)) + 1);
      const also = all.slice(0, -1);
      return [{ root: value, chain, also, stored, ...(pooled.length > 0 && { pooled }) }];
    }
    if (this.claims.wholes.has(value)) {
      const copied = this.claims.copied.get(value) ?? [];
      return copied.map((part) => ({ root: undefined, chain: [], stored: value, part }));
    }
    if (!this.stored.has(value) || this.isCarried(value) || this.claims.aliases.has(value)) return [];
    return [{ root: undefined, chain: [], stored: value }];
  }
}

/** The value that is moved. */
function unmoved(value: Value): Value {
  const [x] = operandsOf(value);
  return isMovement(value) && x !== undefined ? unmoved(x) : value;
}

/** The weights among a value's operands, and which they are. */
const weightsOf = (value: Value): [Value, number][] =>
  value.operands.flatMap((x, i): [Value, number][] => (x?.isWeight === true ? [[x, i]] : []));

const bytesOf = (value: Value): number => 4 * lengthOf(value);
const bytes = (values: readonly Value[]): number => [...new Set(values)].reduce((sum, v) => sum + bytesOf(v), 0);
