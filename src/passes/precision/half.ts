import type { AttrValue } from "../../ir/attr.ts";
import type { Graph } from "../../ir/graph.ts";
import { needed } from "../../ir/interpret.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { count, isStaticType } from "../../ir/type.ts";
import type { Origin, Value } from "../../ir/value.ts";
import type { Pass } from "../pass.ts";
import { deadCode } from "../whole-graph/dead-code.ts";
import { type Calibration, requireCalibrated } from "./calibration.ts";
import { floatIslands } from "./islands.ts";

/**
 * The same graph in halves: every float32 value that runs becomes f16, but for islands that need float32 (see islands.ts).
 * Inputs and outputs keep their types. Where a value of one kind is read as the other stands a cast, made once for all
 * readers; none is ever cast there and back. Weights are cast as expressions, and so rounded once from float64; a matrix
 * of an island is kept as halves and cast when the model runs, and costs no more of the file than others. Not exact: each
 * half carries 11 bits.
 *
 * Without a calibration islands follow from the structure alone.
 */
export const halfPrecision = (calibration: Calibration | undefined): Pass => ({
  name: "half-precision",
  run(graph) {
    if (calibration !== undefined) requireCalibrated(graph, calibration);
    const islands = floatIslands(graph, calibration);
    const values = needed(graph).filter((v) => !v.isWeight && v.op !== "input");
    const halves = new Halves(graph);
    for (const value of values) halves.make(value, islands.has(value) ? "f32" : "f16");
    graph.setOutputs(graph.outputs.map(({ name, value }) => ({ name, value: halves.as(value, value.type.dtype) })));
    deadCode.run(graph);
    return { "half-precision": values.filter((v) => v.type.dtype === "f32" && !islands.has(v)).length };
  },
});

type Wanted = "f32" | "f16";

const pass = "half-precision";
const originOf = ({ origin: { path, rules } }: Value): Origin => ({ path, rules: [...new Set([...rules, pass])] });

/** Ops whose matrices are most of a network. */
const ofMatrices: ReadonlySet<OpName> = new Set(["conv", "fused_conv", "linear", "lstm", "matmul"]);

/** Makes values anew in order, and casts between them. */
class Halves {
  readonly #graph: Graph;
  /** What stands for a value of the graph as it was. */
  readonly #made = new Map<Value, Value>();
  readonly #casts = new Map<string, Value>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** The value in a type, its operands in the same. */
  make(value: Value, dtype: Wanted): void {
    const operands = value.operands.map((x) => {
      if (x === undefined) return undefined;
      if (x.type.dtype !== "f32") return this.#made.get(x) ?? x;
      const narrow = dtype === "f32" && x.isWeight && ofMatrices.has(value.op) && x.type.shape.length > 1;
      return narrow ? this.#cast(this.#halfWeight(x, value), "f32", value) : this.as(x, dtype, value);
    });
    if (operands.every((x, i) => x === value.operands[i])) return;
    const attrs: Readonly<Record<string, AttrValue>> = value.attrs;
    this.#made.set(value, this.#graph.insert(value.op, operands, attrs, originOf(value), value));
  }

  /** What stands for a value, cast where it has another type; a cast stands before its first reader, or at the end. */
  as(value: Value, dtype: Value["type"]["dtype"], before?: Value): Value {
    if (value.isWeight) return dtype === "f16" && value.type.dtype === "f32" ? this.#halfWeight(value, before) : value;
    const made = this.#made.get(value) ?? value;
    return made.type.dtype === dtype ? made : this.#cast(made, dtype, before);
  }

  #cast(value: Value, to: Value["type"]["dtype"], before: Value | undefined): Value {
    const key = `${to} ${value.name}`;
    const cast = this.#casts.get(key) ?? this.#graph.insert("cast", [value], { to }, originOf(value), before);
    this.#casts.set(key, cast);
    return cast;
  }

  /**
   * half(op(a, b)) of a weight that repeats its operands is op(half(a), half(b)), which holds fewer numbers; it differs by
   * one more rounding. Other weights are cast whole.
   */
  #halfWeight(value: Value, before: Value | undefined): Value {
    if (value.type.dtype !== "f32") return value;
    const known = this.#made.get(value);
    if (known !== undefined) return known;
    const half = repeats(value)
      ? this.#graph.insert(
          value.op,
          value.operands.map((x) => (x === undefined ? undefined : this.#halfWeight(x, before))),
          value.attrs as Readonly<Record<string, AttrValue>>,
          originOf(value),
          before,
        )
      : this.#cast(value, "f16", before);
    this.#made.set(value, half);
    return half;
  }
}

/** Ops of weights that can hold more numbers than their operands together, which emission leaves to run time. */
const repeating: ReadonlySet<OpName> = new Set(["add", "div", "expand", "maximum", "minimum", "mul", "sub", "where"]);

function repeats(value: Value): boolean {
  const size = ({ type }: Value): number => (isStaticType(type) ? count(type.shape) : Number.POSITIVE_INFINITY);
  const parts = value.operands.reduce((n, x) => n + (x === undefined ? 0 : size(x)), 0);
  return repeating.has(value.op) && size(value) > parts;
}
