import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import { type Buffer, type Expr, cast, load } from "./expr.ts";
import { type Group, groupsOf } from "./group.ts";
import { type Index, type Variable, add, constant, indexOf, scale, variable } from "./index-expr.ts";
import { type Source, everywhere, isMovement, isPoint, pointAt } from "./ops/point.ts";
import type { Root } from "./ops/parts.ts";
import { rootOf } from "./ops/root.ts";
import { broadcastIndex, reindex } from "./ops/shape.ts";
import type { TileKernel, TileStatement } from "./tile.ts";

/** A tensor in memory: its axes from the one with the longest stride to the one whose elements lie next to each other. */
export interface Stored {
  readonly buffer: Buffer;
  readonly value: Value;
  readonly order: readonly number[];
}

export interface Kernel {
  readonly tile: TileKernel;
  readonly group: Group;
  readonly output: Stored;
}

export interface Program {
  readonly kernels: readonly Kernel[];
  readonly inputs: readonly Stored[];
  readonly weights: readonly Stored[];
  readonly outputs: readonly { readonly name: string; readonly stored: Stored }[];
}

const shapeOf = (value: Value): readonly number[] => value.type.shape as readonly number[];
const lengthOf = (value: Value): number => shapeOf(value).reduce((a, b) => a * b, 1);

export function addressOf({ value, order }: Stored, index: readonly Index[]): Index {
  const shape = shapeOf(value);
  let step = 1;
  const parts: Index[] = [];
  for (const axis of order.toReversed()) {
    parts.push(scale(index[axis] ?? constant(0), step));
    step *= shape[axis] ?? 1;
  }
  return add(...parts);
}

export interface BuildOptions {
  /** How tensors are kept that the caller does not see, f32 by default; those of one axis and of odd rows stay f32. */
  readonly storage?: "f32" | "f16" | undefined;
  /** Whether products of matrices go to matrix instructions, which want the depth of both factors contiguous. */
  readonly matrices?: boolean | undefined;
}

/** The kernels of a graph with static shapes. */
export function buildProgram(graph: Graph, options: BuildOptions = {}): Program {
  return new Builder(graph, options).run();
}

class Builder {
  private readonly graph: Graph;
  private readonly stored = new Map<Value, Stored>();
  private readonly weights = new Map<string, Stored>();
  private readonly inputs: Stored[] = [];
  private names = 0;
  private readonly options: BuildOptions;

  constructor(graph: Graph, options: BuildOptions) {
    this.graph = graph;
    this.options = options;
  }

  run(): Program {
    for (const value of this.graph.values())
      if (value.op === "input") this.inputs.push(this.store(value, rowMajor(value)));
    const kernels = groupsOf(this.graph).map((group) => this.kernel(group));
    const outputs = this.graph.outputs.map(({ name, value }) => {
      const stored = this.stored.get(value);
      if (stored === undefined) throw new RangeError(`${name} is not stored`);
      return { name, stored };
    });
    return { kernels, inputs: this.inputs, weights: [...this.weights.values()], outputs };
  }

  private store(value: Value, order: readonly number[]): Stored {
    const outside = value.op === "input" || this.graph.outputs.some((output) => output.value === value);
    const storage = outside ? "f32" : this.storageOf(value, order);
    const buffer: Buffer = { name: `t${this.names++}`, space: "device", storage, length: lengthOf(value) };
    const stored = { buffer, value, order };
    this.stored.set(value, stored);
    return stored;
  }

  private storageOf(value: Value, order: readonly number[]): "f32" | "f16" {
    const row = shapeOf(value)[order.at(-1) ?? 0] ?? 1;
    return this.options.storage === "f16" && order.length > 1 && row % 2 === 0 ? "f16" : "f32";
  }

  private kernel(group: Group): Kernel {
    const name = group.stored.name;
    const order = this.orderOf(group);
    const { axes, statements, value, index, passed } = this.body(group);
    const output = this.store(group.stored, order);
    const store: TileStatement = {
      kind: "store",
      buffer: output.buffer,
      index: addressOf(output, index),
      value: cast(value, "f32"),
    };
    const end: TileStatement =
      passed === undefined ? store : { kind: "loop", axis: passed, carried: [], body: [store] };
    const parallel = axes.filter((axis) => axis !== passed);
    return {
      tile: { name, axes: this.inOrder(parallel, axes, group, order), body: [...statements, end] },
      group,
      output,
    };
  }

  /** The axes of a kernel, those that lie furthest apart in the result first. */
  private inOrder(
    parallel: readonly Variable[],
    axes: readonly Variable[],
    group: Group,
    order: readonly number[],
  ): Variable[] {
    const sameRank =
      axes.length === order.length &&
      (group.root === undefined || group.stored.type.shape.length === group.root.type.shape.length);
    const ranked = sameRank ? order.map((i) => axes[i] as Variable) : channelsLast(axes);
    return ranked.filter((axis) => parallel.includes(axis));
  }

  private body({
    root,
    chain,
    stored,
  }: Group): Pick<Root, "axes" | "statements" | "value"> & { index: readonly Index[]; passed?: Variable } {
    if (root === undefined) {
      const axes = shapeOf(stored).map((extent, i) => variable(`a${i}`, extent));
      const index = axes.map(indexOf);
      return { axes, statements: [], value: this.compute(stored, index, everywhere), index };
    }
    const define = rootOf(root);
    if (define === undefined) throw new RangeError(`${root.op} is no root`);
    const made = define(
      root.operands.map((x, i) => (x === undefined ? undefined : this.source(x, root, i))) as Source[],
      root,
      shapeOf(root),
      { flat: this.options.matrices === true && isMatrixWork(root) },
    );
    let index = made.index ?? made.axes.map(indexOf);
    let value = made.value;
    let last = root;
    for (const link of chain) {
      const from = last;
      index = forward(link, from, index);
      const at = index;
      const known = value;
      const operands = link.operands.map((x): Source => {
        if (x === from) return { shape: shapeOf(from), at: () => known };
        return this.source(x as Value);
      });
      value = isMovement(link) ? known : pointAt(link, operands, at, everywhere);
      last = link;
    }
    return { ...made, value, index };
  }

  /** A value as a function of its index. */
  private source(value: Value, reader?: Value, operand = 0): Source {
    return { shape: shapeOf(value), at: (index, mask) => this.element(value, index, mask, reader, operand) };
  }

  private element(value: Value, index: readonly Index[], mask: Expr, reader: Value | undefined, operand: number): Expr {
    const stored = value.isWeight ? this.weight(value, reader, operand) : this.stored.get(value);
    if (stored !== undefined) return load(stored.buffer, addressOf(stored, index), mask);
    return this.compute(value, index, mask);
  }

  private compute(value: Value, index: readonly Index[], mask: Expr): Expr {
    if (!isPoint(value))
      throw new TimmcError("unsupported", `${value.op} has no kernel`, {
        trail: [value.name],
        hint: "Compile this model with --target onnx.",
      });
    return pointAt(
      value,
      value.operands.map((x) => this.source(x as Value)),
      index,
      mask,
    );
  }

  /** A weight in the order in which its reader goes through it. */
  private weight(value: Value, reader: Value | undefined, operand: number): Stored {
    const order = packing(value, reader, operand, this.options.matrices === true);
    const key = `${value.name} ${order.join(",")}`;
    const found = this.weights.get(key);
    if (found !== undefined) return found;
    const storage = this.storageOf(value, order);
    const buffer: Buffer = { name: `w${this.weights.size}`, space: "device", storage, length: lengthOf(value) };
    const stored = { buffer, value, order };
    this.weights.set(key, stored);
    return stored;
  }

  /** Maps have their channels last; else the order of what is read in the same shape. */
  private orderOf({ root, stored }: Group): readonly number[] {
    const rank = stored.type.shape.length;
    if (rank !== 4) return rowMajor(stored);
    const spatial = new Set(["conv", "avg_pool", "max_pool"]);
    const kept = new Set(["group_norm", "resize"]);
    if (root !== undefined && kept.has(root.op)) return this.likeOperands(root) ?? rowMajor(stored);
    if (root !== undefined) return spatial.has(root.op) ? [0, 2, 3, 1] : rowMajor(stored);
    return this.likeOperands(stored) ?? rowMajor(stored);
  }

  private likeOperands(value: Value): readonly number[] | undefined {
    for (const x of value.operands) {
      if (x === undefined || x.isWeight || x.type.shape.length !== 4 || isMovement(value)) continue;
      const found = this.stored.get(x)?.order ?? this.likeOperands(x);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

const rowMajor = (value: Value): readonly number[] => value.type.shape.map((_, i) => i);

/** The axis of channels of a convolution behind the places. */
const channelsLast = (axes: readonly Variable[]): readonly Variable[] => {
  const o = axes.findIndex((axis) => axis.name === "o");
  return o === 1 && axes.length > 2 ? [...axes.filter((_, i) => i !== 1), axes[1] as Variable] : axes;
};

/** Where an element of a value goes in the result of a chain's next link. */
function forward(link: Value, from: Value, index: readonly Index[]): readonly Index[] {
  if (link.op === "reshape") return reindex(index, shapeOf(from), shapeOf(link));
  if (link.op === "transpose") return (link.attrs as { perm: number[] }).perm.map((axis) => index[axis] as Index);
  return broadcastIndex(index, shapeOf(link));
}

/** The order in which a kernel goes through a weight: output channels next to each other, or input channels for matrices. */
function packing(value: Value, reader: Value | undefined, operand: number, matrices: boolean): readonly number[] {
  const spatial = value.type.shape.map((_, i) => i).slice(2);
  const isFactor = operand === 1 && (reader?.op === "conv" || reader?.op === "linear");
  if (!isFactor || reader === undefined) return rowMajor(value);
  return matrices && isMatrixWork(reader) ? [0, ...spatial, 1] : [...spatial, 1, 0];
}

/** Whether an op is products of matrices that are wide enough for matrix instructions. */
export function isMatrixWork({ op, operands, attrs }: Value): boolean {
  const factor = operands[1]?.type.shape as readonly number[] | undefined;
  if (factor === undefined) return false;
  if (op === "attention") return (factor.at(-1) ?? 0) % 8 === 0;
  if (op === "matmul") return (factor.at(-1) ?? 0) % 8 === 0 && (factor.at(-2) ?? 0) % 8 === 0;
  const [columns = 0, depth = 0] = factor;
  const apart = op === "conv" && (attrs as { groups: number }).groups !== 1;
  return (op === "conv" || op === "linear") && !apart && columns % 8 === 0 && depth % 8 === 0;
}
