import { type AttrValue, isStaticAttr } from "./attr.ts";
import type { AttrsOf, OperandArgs } from "./op.ts";
import type { OpName, Ops } from "./ops/index.ts";
import { type TensorType, isStaticType } from "./type.ts";

/** Where a value comes from: the module path that made it, and the rules that rewrote it since. */
export interface Origin {
  readonly path: string;
  readonly rules: readonly string[];
}

export type Attrs<N extends OpName> = AttrsOf<Ops[N]["attrs"]>;
export type Operands<N extends OpName> = OperandArgs<Ops[N]["operands"], Value>;

/**
 * An SSA value: the one result of one op. Values belong to one graph and are immutable to everybody but Graph, which
 * keeps `operands` and `uses` consistent.
 */
export interface Value<N extends OpName = OpName> {
  readonly op: N;
  /** Flat, in the order of the op's operand list; an absent optional operand is undefined. */
  readonly operands: readonly (Value | undefined)[];
  readonly attrs: Attrs<N>;
  readonly type: TensorType;
  /** Unique in the graph, derived from the module path: `layer1.0.conv1`, `layer1.0~2`. */
  readonly name: string;
  readonly origin: Origin;
  /** How many operands of other values this value is. Outputs of the graph come on top: see Graph.useCount. */
  readonly uses: number;
  /**
   * Weights are values that depend on parameters and constants alone, and on no symbol: they are evaluated at emission,
   * tensor by tensor. Everything else runs with the model.
   */
  readonly isWeight: boolean;
}

export const is = <N extends OpName>(value: Value | undefined, op: N): value is Value<N> => value?.op === op;

/** Attributes as data, for code that treats all ops alike. */
export const attrEntries = (value: Value): [string, AttrValue][] => Object.entries(value.attrs);

/** What `isWeight` says of a value with these parts. */
export const isWeightExpression = (
  op: OpName,
  operands: readonly (Value | undefined)[],
  attrs: Readonly<Record<string, AttrValue>>,
  type: TensorType,
): boolean =>
  op !== "input" &&
  isStaticType(type) &&
  Object.values(attrs).every(isStaticAttr) &&
  operands.every((x) => x === undefined || x.isWeight);
