import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import { type Element, Expressions } from "./body.ts";
import type { Claims, Slice } from "./claims.ts";
import { type Buffer, cast, literal, localValue, plus } from "./expr.ts";
import { type Group, groupsOf } from "./group.ts";
import { byDistance, naturalAxes, orderOf } from "./layout.ts";
import { f32 } from "./ops/parts.ts";
import { type BuildOptions, storageOf } from "./storage.ts";
import { type Stored, addressOf, rowMajor } from "./stored.ts";
import type { Carried, TileKernel, TileStatement } from "./tile.ts";
import { isProduct, lengthOf } from "./uses.ts";

export { type BuildOptions, isMatrixWork } from "./storage.ts";
export { type Stored, addressOf } from "./stored.ts";

export interface Kernel {
  readonly tile: TileKernel;
  readonly group: Group;
  /** What it stores, and what else on the way. */
  readonly output: Stored;
  readonly others?: readonly Stored[];
}

export interface Program {
  readonly kernels: readonly Kernel[];
  readonly inputs: readonly Stored[];
  readonly weights: readonly Stored[];
  readonly outputs: readonly { readonly name: string; readonly stored: Stored }[];
}

/** The kernels of a graph with static shapes. */
export function buildProgram(graph: Graph, options: BuildOptions = {}): Program {
  return new Builder(graph, options).run();
}

/** What a kernel sums up along the axis that it passes. */
interface Sum extends Carried {
  readonly element: Element;
}

class Builder {
  private readonly graph: Graph;
  private readonly stored = new Map<Value, Stored>();
  private readonly expressions: Expressions;
  private readonly outside: ReadonlySet<Value>;
  private readonly options: BuildOptions;
  private claims: Claims | undefined;
  private pooled: ReadonlySet<Value> = new Set();
  private names = 0;

  constructor(graph: Graph, options: BuildOptions) {
    this.graph = graph;
    this.options = options;
    this.expressions = new Expressions((value) => this.storedAt(value), options);
    this.outside = new Set(graph.outputs.map((output) => output.value));
  }

  run(): Program {
    const inputs = [...this.graph.values()]
      .filter((value) => value.op === "input")
      .map((value) => this.allocate(value, rowMajor(value)));
    const { groups, claims } = groupsOf(this.graph, this.options);
    this.claims = claims;
    this.pooled = new Set(groups.flatMap(({ pooled = [] }) => pooled));
    const kernels = groups.map((group) => this.kernel(group));
    const outputs = this.graph.outputs.map(({ name, value }) => {
      const stored = this.storedAt(value);
      if (stored === undefined) throw new RangeError(`${name} is not stored`);
      return { name, stored };
    });
    return { kernels, inputs, weights: this.expressions.weights, outputs };
  }

  private allocate(value: Value, order: readonly number[]): Stored {
    const isWide = value.op === "input" || this.outside.has(value) || this.pooled.has(value);
    const storage = isWide ? "f32" : storageOf(value, order, this.options);
    const buffer: Buffer = { name: `t${this.names++}`, space: "device", storage, length: lengthOf(value) };
    const stored = { buffer, value, order };
    this.stored.set(value, stored);
    return stored;
  }

  private storedAt(value: Value): Stored | undefined {
    const known = this.stored.get(value);
    const slice = this.claims?.aliases.get(value);
    return known ?? (slice && this.place(value, slice, rowMajor(slice.whole)));
  }

  /** A tensor in a part of another one, which has the order of what is stored in it first. */
  private place(value: Value, { whole, axis, from }: Slice, order: readonly number[]): Stored {
    const outer = this.wholeOf(whole, order);
    const stored = { buffer: outer.buffer, value, order: outer.order, within: { whole: outer, axis, from } };
    this.stored.set(value, stored);
    return stored;
  }

  private kernel(group: Group): Kernel {
    const { axes, statements, elements, passed, named = [] } = this.expressions.body(group);
    const natural = naturalAxes(
      group.root,
      axes,
      elements.map((e) => e.expr),
    );
    const outputs = elements.map((element) =>
      this.output(
        element,
        group,
        orderOf(element, group, natural, (v) => this.storedAt(v)),
      ),
    );
    const carried = elements.flatMap((element): Sum[] => {
      if (passed === undefined || group.pooled?.includes(element.value) !== true) return [];
      const local = f32(
        `sum ${element.value.name}`,
        axes.filter((axis) => axis !== passed),
      );
      return [{ element, local, init: literal(0), next: plus(localValue(local), element.expr) }];
    });
    const stores = elements.map((element, i): TileStatement => {
      const stored = outputs[i] as Stored;
      const sum = carried.find((c) => c.element === element);
      const value = sum === undefined ? cast(element.expr, "f32") : localValue(sum.local);
      return { kind: "store", buffer: stored.buffer, index: addressOf(stored, element.index), value };
    });
    const [behind, passing] = [true, false].map((isSum) =>
      stores.filter((_, i) => carried.some((c) => c.element === elements[i]) === isSum),
    ) as [TileStatement[], TileStatement[]];
    const end: readonly TileStatement[] =
      passed === undefined
        ? stores
        : [{ kind: "loop", axis: passed, carried, body: [...named, ...passing] }, ...behind];
    const last = elements.at(-1) as Element;
    const output = outputs.at(-1) as Stored;
    // Products and attention have rows and columns, whatever the layout of the result.
    const hasRows = group.root !== undefined && (isProduct(group.root) || group.root.op === "attention");
    const own = group.root?.op === "attention" ? axes : natural;
    const ordered = hasRows ? own : byDistance(natural, addressOf(output, last.index));
    const parallel = ordered.filter((axis) => axis !== passed);
    return {
      tile: { name: group.stored.name, axes: parallel, body: [...statements, ...end] },
      group,
      output,
      others: outputs.slice(0, -1),
    };
  }

  /** Where an element of a kernel goes. */
  private output({ value }: Element, { stored, part }: Group, order: readonly number[]): Stored {
    const slice = part === undefined ? this.claims?.parts.get(value) : sliceOf(stored, part);
    if (slice === undefined) return this.stored.get(value) ?? this.allocate(value, order);
    if (part === undefined) return this.place(value, slice, order);
    const whole = this.wholeOf(stored, order);
    return { buffer: whole.buffer, value, order: whole.order, within: { whole, axis: slice.axis, from: slice.from } };
  }

  private wholeOf(value: Value, order: readonly number[]): Stored {
    const known = this.stored.get(value);
    if (known !== undefined) return known;
    const slice = this.claims?.parts.get(value);
    return slice === undefined ? this.allocate(value, order) : this.place(value, slice, order);
  }
}

/** Where an operand of a concatenation lies in it. */
function sliceOf(whole: Value, part: number): Slice {
  const { axis } = whole.attrs as { axis: number };
  const from = whole.operands.slice(0, part).reduce((n, x) => n + (x?.type.shape[axis] as number), 0);
  return { whole, axis, from };
}
