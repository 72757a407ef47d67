import { shapeOf } from "./ops/shape.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { type Buffer, type Expr, literal, load, localValue, reduce, mul } from "./expr.ts";
import type { Group } from "./group.ts";
import { type Index, type Variable, indexOf, variable } from "./index-expr.ts";
import { f32, given } from "./ops/parts.ts";
import { type Source, everywhere, isMovement, isPoint, pointAt } from "./ops/point.ts";
import { rootOf } from "./ops/root.ts";
import { forward, widthOf } from "./region.ts";
import { type BuildOptions, isMatrixWork, packing, storageOf } from "./storage.ts";
import { type Stored, addressOf } from "./stored.ts";
import type { TileStatement } from "./tile.ts";
import { lengthOf } from "./uses.ts";

/** A value's element at a place of a kernel's axes. */
export interface Element {
  readonly value: Value;
  readonly expr: Expr;
  readonly index: readonly Index[];
}

/** A number that several elements are made of. */
type Named = Extract<TileStatement, { kind: "let" }>;

/** What a kernel computes before it stores. */
interface Body {
  readonly axes: readonly Variable[];
  readonly statements: readonly TileStatement[];
  /** An axis that is passed at the end, for every point of the others. */
  readonly passed?: Variable;
  /** What elements name, at every point that is passed. */
  readonly named?: readonly Named[];
  /** Of each value that is stored, the last one's last. */
  readonly elements: readonly Element[];
}

/** A sum over the axis that is passed, or the mean, of the tile of it at hand. */
function pooledElement(value: Value, { expr, index }: Element, passed: Variable): Element {
  const sum = reduce("add", [passed], expr);
  const share = value.op === "reduce_mean" ? 1 / passed.extent : 1;
  return { value, expr: mul(sum, literal(share)), index: index.slice(0, -1) };
}

/** Values as expressions: loads of what is stored, and what is computed in place. */
export class Expressions {
  private readonly storedAt: (value: Value) => Stored | undefined;
  private readonly options: BuildOptions;
  private readonly packed = new Map<string, Stored>();

  constructor(storedAt: (value: Value) => Stored | undefined, options: BuildOptions) {
    this.storedAt = storedAt;
    this.options = options;
  }

  /** Weights that were read so far, in the order of the first reads. */
  get weights(): readonly Stored[] {
    return [...this.packed.values()];
  }

  body(group: Group): Body {
    const { root, stored, part } = group;
    if (root !== undefined) return this.behind(root, group);
    const value = (part === undefined ? undefined : stored.operands[part]) ?? stored;
    const axes = shapeOf(value).map((extent, i) => variable(`a${i}`, extent));
    const index = axes.map(indexOf);
    const expr =
      part === undefined ? this.compute(stored, index, everywhere) : this.source(value).at(index, everywhere);
    return { axes, statements: [], elements: [{ value, expr, index }] };
  }

  private behind(root: Value, { chain, also = [], stored, pooled = [] }: Group): Body {
    const define = rootOf(root);
    if (define === undefined) throw new RangeError(`${root.op} is no root`);
    const operands = root.operands.map((x, i) => (x === undefined ? undefined : this.source(x, root, i)));
    const flat = this.options.flat === true && isMatrixWork(root);
    const width = pooled[0] && widthOf(pooled[0]);
    const made = define(operands as Source[], root, shapeOf(root), { flat, width });
    const known = new Map<Value, Element>();
    known.set(root, { value: root, expr: made.value, index: made.index ?? made.axes.map(indexOf) });
    for (const link of chain) known.set(link, this.link(link, known));
    const named = new Map<string, Named>();
    for (const value of pooled) {
      const { expr } = known.get(value.operands[0] as Value) as Element;
      const local = f32(`value${named.size}`, made.axes);
      if (!named.has(expr.key)) named.set(expr.key, { kind: "let", local, value: expr });
    }
    const element = (value: Value): Element => {
      const isSum = pooled.includes(value);
      const own = known.get(isSum ? (value.operands[0] as Value) : value) as Element;
      const name = named.get(own.expr.key);
      const at = name === undefined ? own : { ...own, expr: localValue(name.local) };
      return isSum ? pooledElement(value, at, given(made.passed)) : at;
    };
    const elements = [...also, stored].map(element);
    const { axes, statements, passed } = made;
    return { axes, statements, elements, named: [...named.values()], ...(passed && { passed }) };
  }

  /** An element of a value behind a root, from those at hand. */
  private link(value: Value, known: ReadonlyMap<Value, Element>): Element {
    const from = value.operands.flatMap((x) => (x && known.get(x)) ?? []);
    const [first] = from;
    if (first === undefined) throw new RangeError(`${value.name} has no element at hand`);
    const index = forward(value, first.value, first.index);
    if (isMovement(value)) return { value, expr: first.expr, index };
    const operands = value.operands.map((x): Source => {
      const own = x && known.get(x);
      return own === undefined ? this.source(x as Value) : { shape: shapeOf(own.value), at: () => own.expr };
    });
    return { value, expr: pointAt(value, operands, index, everywhere), index };
  }

  /** A value as a function of its index. */
  private source(value: Value, reader?: Value, operand = 0): Source {
    return { shape: shapeOf(value), at: (index, mask) => this.element(value, index, mask, reader, operand) };
  }

  private element(value: Value, index: readonly Index[], mask: Expr, reader: Value | undefined, operand: number): Expr {
    const stored = value.isWeight ? this.weight(value, reader, operand) : this.storedAt(value);
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
    const order = packing(value, reader, operand, this.options);
    const key = `${value.name} ${order.join(",")}`;
    const found = this.packed.get(key);
    if (found !== undefined) return found;
    const storage = storageOf(value, order, this.options);
    const buffer: Buffer = { name: `w${this.packed.size}`, space: "device", storage, length: lengthOf(value) };
    const stored = { buffer, value, order };
    this.packed.set(key, stored);
    return stored;
  }
}
