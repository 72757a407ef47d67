import type { AttrValue } from "./attr.ts";
import { TimmcError } from "./error.ts";
import { nameOf } from "./name.ts";
import { completeAttrs, resultType } from "./op.ts";
import { type OpName, opOf } from "./ops/index.ts";
import { printType, sameType } from "./type.ts";
import { type Attrs, type Origin, type Value, isWeightExpression } from "./value.ts";

/** A named result of the graph. A tap is an output chosen before the passes. */
export interface Output {
  readonly name: string;
  readonly value: Value;
}

/** Value as Graph sees it: the links and counts that nobody else may write. */
interface Node extends Value {
  operands: (Value | undefined)[];
  uses: number;
  isWeight: boolean;
  previous: Node | undefined;
  next: Node | undefined;
  owner: Graph | undefined;
  /** Grows along the list: what stands before what is one comparison. Only its order means something. */
  position: number;
}

/**
 * A list of values in an order where operands precede their users, which the verbs keep. All editing goes through
 * `insert`, `erase`, `replaceUses` and `setOutputs`. Iteration survives every edit: it leaves out what is erased before
 * its turn, and meets what is put ahead of it.
 */
export class Graph {
  readonly name: string;
  private first: Node | undefined;
  private last: Node | undefined;
  private length = 0;
  private readonly names = new Set<string>();
  /** For every path that is in use: the next repetition. */
  private readonly repetitions = new Map<string, number>();
  private results: readonly Output[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Number of values. */
  get size(): number {
    return this.length;
  }

  get outputs(): readonly Output[] {
    return this.results;
  }

  *values(): IterableIterator<Value> {
    for (let node = this.first; node !== undefined;) {
      yield node;
      const live = this.live(node, "previous");
      node = live === undefined ? this.first : live.next;
    }
  }

  /** From the last value to the first. */
  *reversed(): IterableIterator<Value> {
    for (let node = this.last; node !== undefined;) {
      yield node;
      const live = this.live(node, "next");
      node = live === undefined ? this.last : live.previous;
    }
  }

  /**
   * Makes a value and puts it before `before` (at the end without). Its type is inferred, its attributes completed; its
   * name is the next one of the origin's path, or the one of `repetition`, which must be fresh. Throws `invalid-ir`
   * where an operand does not stand before `before` and, with the op and the operand types, where a constraint of the op
   * is broken; the graph is then as it was.
   */
  insert<N extends OpName>(
    op: N,
    operands: readonly (Value | undefined)[],
    attrs: Readonly<Record<string, AttrValue | undefined>>,
    origin: Origin,
    before?: Value,
    repetition?: number,
  ): Value<N> {
    const spec = opOf(op);
    const nodes = operands.map((x) => (x === undefined ? undefined : this.own(x)));
    const next = before === undefined ? undefined : this.own(before);
    for (const x of nodes)
      if (x !== undefined && next !== undefined && x.position >= next.position)
        throw new TimmcError(
          "invalid-ir",
          `cannot put ${op} before %${next.name}: it uses %${x.name}, which is behind`,
        );
    const complete = completeAttrs(spec, attrs, operands[0]?.type.shape.length ?? 0);
    const type = resultType(
      spec,
      operands.map((x) => x?.type),
      complete,
    );
    const node: Node = {
      op,
      operands: nodes,
      attrs: complete as Attrs<N>,
      type,
      name: this.takeName(origin.path, repetition),
      origin,
      uses: 0,
      isWeight: isWeightExpression(op, operands, complete, type),
      previous: undefined,
      next: undefined,
      owner: this,
      position: 0,
    };
    for (const x of nodes) if (x !== undefined) x.uses++;
    this.link(node, next);
    return node as Value as Value<N>;
  }

  /** Removes a value that nothing uses. */
  erase(value: Value): void {
    const node = this.own(value);
    if (this.useCount(value) > 0)
      throw new TimmcError("invalid-ir", `cannot erase %${value.name}: it has ${this.useCount(value)} uses`);
    for (const x of node.operands) if (x !== undefined) this.own(x).uses--;
    if (node.previous) node.previous.next = node.next;
    else this.first = node.next;
    if (node.next) node.next.previous = node.previous;
    else this.last = node.previous;
    node.owner = undefined;
    this.length--;
  }

  /**
   * Makes every user of `old`, and every output, use `by` instead. The types must be equal: a change of layout or
   * precision inserts its own transposes and casts. `by` must precede the users of `old`, apart from those that it is
   * made of: these keep what they use. Users become weights, or cease to be, with what they use.
   */
  replaceUses(old: Value, by: Value): void {
    if (!sameType(old.type, by.type))
      throw new TimmcError(
        "invalid-ir",
        `cannot replace %${old.name} (${printType(old.type)}) by %${by.name} (${printType(by.type)})`,
      );
    const from = this.own(old);
    const to = this.own(by);
    refuseUsersBetween(from, to);
    const start = (from.position < to.position ? to : from).next;
    for (let node = start; node !== undefined && from.uses > 0; node = node.next) {
      node.operands.forEach((x, i) => {
        if (x !== from) return;
        node.operands[i] = to;
        from.uses--;
        to.uses++;
      });
    }
    if (from.isWeight !== to.isWeight)
      for (let node = start; node !== undefined; node = node.next)
        node.isWeight = isWeightExpression(node.op, node.operands, node.attrs, node.type);
    this.results = this.results.map((o) => (o.value === old ? { name: o.name, value: by } : o));
  }

  /** Names the results; names must differ. */
  setOutputs(outputs: readonly Output[]): void {
    const names = new Set<string>();
    for (const { name, value } of outputs) {
      this.own(value);
      if (names.has(name)) throw new TimmcError("invalid-ir", `two outputs are named ${JSON.stringify(name)}`);
      names.add(name);
    }
    this.results = [...outputs];
  }

  /** Uses by values and by outputs: what every single-use condition of a rule must ask. */
  useCount(value: Value): number {
    return value.uses + this.results.reduce((n, o) => n + (o.value === value ? 1 : 0), 0);
  }

  /** A copy with equal names, and the way from old values to new ones. */
  clone(): { graph: Graph; map: ReadonlyMap<Value, Value> } {
    const graph = new Graph(this.name);
    const map = new Map<Value, Value>();
    for (const value of this.values()) {
      const node = value as Node;
      const operands = node.operands.map((x) => (x === undefined ? undefined : map.get(x)));
      const copy: Node = { ...node, operands, uses: 0, previous: undefined, next: undefined, owner: graph };
      for (const x of operands) if (x !== undefined) graph.own(x).uses++;
      graph.link(copy, undefined);
      map.set(value, copy);
    }
    for (const name of this.names) graph.names.add(name);
    for (const [path, n] of this.repetitions) graph.repetitions.set(path, n);
    graph.results = this.results.map((o) => ({ name: o.name, value: map.get(o.value) ?? o.value }));
    return { graph, map };
  }

  /** Whether the value is in this graph. */
  owns(value: Value): boolean {
    return (value as Node).owner === this;
  }

  private own(value: Value): Node {
    const node = value as Node;
    if (node.owner !== this)
      throw new TimmcError("invalid-ir", `%${value.name} does not belong to graph @${this.name} (or was erased)`);
    return node;
  }

  private link(node: Node, before: Node | undefined): void {
    node.next = before;
    node.previous = before === undefined ? this.last : before.previous;
    if (node.previous) node.previous.next = node;
    else this.first = node;
    if (before) before.previous = node;
    else this.last = node;
    this.length++;
    this.place(node);
  }

  /** Gives a linked node a position between its neighbours; where doubles have none left, all are counted anew. */
  private place(node: Node): void {
    const low = node.previous?.position ?? (node.next?.position ?? 0) - 2;
    const high = node.next?.position ?? low + 2;
    node.position = (low + high) / 2;
    if (low < node.position && node.position < high) return;
    let n = 0;
    for (let each = this.first; each !== undefined; each = each.next) each.position = n++;
  }

  /** The node itself, or its nearest neighbour on one side that is still linked: erased nodes keep their links. */
  private live(node: Node, side: "previous" | "next"): Node | undefined {
    let live: Node | undefined = node;
    while (live !== undefined && live.owner !== this) live = live[side];
    return live;
  }

  private takeName(path: string, repetition: number | undefined): string {
    const free = this.repetitions.get(path) ?? 0;
    const n = repetition ?? free;
    const name = nameOf(path, n);
    if (this.names.has(name)) throw new TimmcError("invalid-ir", `the name %${name} is taken`);
    this.names.add(name);
    this.repetitions.set(path, Math.max(free, n + 1));
    return name;
  }
}

/** Throws where a user of `old` stands before `by` and `by` is not made of it. */
function refuseUsersBetween(old: Node, by: Node): void {
  const parts = new Set<Value>([by]);
  for (let node = by; node.position > old.position && node.previous !== undefined; node = node.previous) {
    if (parts.has(node)) for (const x of node.operands) if (x !== undefined) parts.add(x);
    if (!parts.has(node) && node.operands.includes(old))
      throw new TimmcError(
        "invalid-ir",
        `cannot replace %${old.name} by %${by.name}: %${node.name} uses it and stands before the replacement`,
      );
  }
}
