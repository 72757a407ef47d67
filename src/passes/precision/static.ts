import type { AttrValue } from "../../ir/attr.ts";
import { type Builder, builderAt } from "../../ir/builder.ts";
import { mulDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import { type Origin, type Value, is } from "../../ir/value.ts";
import type { Counts, Pass } from "../pass.ts";
import { deadCode } from "../whole-graph/dead-code.ts";
import { activationOf } from "./activation.ts";
import { type Calibration, requireCalibrated } from "./calibration.ts";
import { type Plan, isMoving, isRectifier, planOf } from "./plan.ts";
import { Seen } from "./seen.ts";
import { type Eight, type Steps, eight, rounded, stepsOf } from "./steps.ts";
import { eightBitProduct } from "./weights.ts";

const name = "quantize-static";

/**
 * Eight bits for products and what lies between them (see plan.ts), by the ranges that a calibration saw. Integers and the
 * floats that they stand for alternate (quantize, dequantize), which runtimes fuse with the op between: every such op is
 * float arithmetic of integers, rounded behind. A value is rounded once for all who read integers; whoever else reads a
 * value that is made as integers reads what these stand for. Throws `config` where the calibration is of another graph.
 */
export const quantizeStatic = (calibration: Calibration): Pass => ({
  name,
  run: (graph) => {
    requireCalibrated(graph, calibration);
    const seen = new Seen(graph, calibration);
    const rows = seen.takePixelsAsRows(graph);
    return { ...rows, ...new Quantizer(graph, seen).run() };
  },
});

const originOf = ({ origin: { path, rules } }: Value): Origin => ({ path, rules: [...rules, name] });

class Quantizer {
  readonly #graph: Graph;
  readonly #plan: Plan;
  readonly #seen: Seen;
  /** The integers of values, by the float that users read. */
  readonly #eights = new Map<Value, Eight>();
  /** What is spread over a map, by the spread: sums and products of integers repeat it themselves. */
  readonly #spread = new Map<Value, Eight>();

  constructor(graph: Graph, seen: Seen) {
    this.#graph = graph;
    this.#seen = seen;
    this.#plan = planOf(graph, (v) => seen.rangeOf(v) !== undefined, seen.float);
  }

  run(): Counts {
    const { products, made } = this.#plan;
    for (const v of this.#graph.values()) {
      if (!products.has(v) && !made.has(v)) continue;
      const b = builderAt({ graph: this.#graph, origin: originOf(v), before: v });
      const by = made.has(v) ? this.#make(b, v) : shaped(b, this.#product(b, v), v);
      this.#seen.follow(v, by);
      this.#graph.replaceUses(v, by);
    }
    deadCode.run(this.#graph);
    return { products: products.size, between: made.size };
  }

  /** The float that stands for the integers of a value. */
  #make(b: Builder, v: Value): Value {
    const [x] = v.operands;
    if (x !== undefined && isMoving(v)) return this.#move(b, v, x);
    if (x !== undefined && is(v, "activation") && (!isRectifier(v) || this.#eights.has(x)))
      return this.#keep(activationOf(b, this.#read(b, x), v, this.#steps(v)));
    const y = this.#plan.products.has(v) ? this.#product(b, v) : this.#between(b, v);
    if (this.#plan.absorbed.has(v)) return y;
    const steps = this.#steps(v);
    return this.#keep(eight(b, shaped(b, rounded(b, y, steps), v), steps));
  }

  /** The same move of integers. */
  #move(b: Builder, v: Value, x: Value): Value {
    const { integers, steps } = this.#read(b, x);
    const moved = this.#keep(eight(b, this.#rebuilt(v, [integers, ...v.operands.slice(1)]), steps));
    const isPixel = x.type.shape.slice(2).every((extent) => extent === 1);
    if (is(v, "resize") && isPixel) this.#spread.set(moved, this.#read(b, x));
    return moved;
  }

  /** A sum, product, pool or concatenation of integers, or a rectifier of what is not rounded yet. */
  #between(b: Builder, v: Value): Value {
    if (isRectifier(v)) return this.#rebuilt(v, v.operands);
    return this.#rebuilt(
      v,
      v.operands.map((x) => x && (this.#spread.get(x) ?? this.#read(b, x)).numbers),
    );
  }

  /** The same op of other operands, before it. */
  #rebuilt(v: Value, operands: readonly (Value | undefined)[]): Value {
    const attrs: Readonly<Record<string, AttrValue>> = v.attrs;
    return this.#graph.insert(v.op, operands, attrs, originOf(v), v);
  }

  /** A product with weights; of a linear map, with all rows in one axis: Gemm takes two. */
  #product(b: Builder, v: Value): Value {
    const [x, weight, bias] = v.operands;
    if (x === undefined || weight === undefined)
      throw new TimmcError("invalid-ir", `%${v.name} is no product with weights`);
    const { integers, numbers, steps } = this.#read(b, x);
    const by = eightBitProduct(b, weight, bias, steps.size);
    if (is(v, "conv")) return b.conv(numbers, by.numbers, by.bias, v.attrs);
    const { shape } = integers.type;
    if (shape.length === 2) return b.linear(numbers, by.numbers, by.bias);
    const rows = b.reshape(integers, { shape: [mulDim(...shape.slice(0, -1)), shape.at(-1) ?? 0] });
    return b.linear(eight(b, rows, steps).numbers, by.numbers, by.bias);
  }

  /** An operand as integers, rounded for the first who reads it so. */
  #read(b: Builder, x: Value): Eight {
    const known = this.#eights.get(x);
    if (known !== undefined) return known;
    const steps = this.#steps(x);
    const made = eight(b, rounded(b, x, steps), steps);
    this.#eights.set(x, made);
    return made;
  }

  #keep(made: Eight): Value {
    this.#eights.set(made.numbers, made);
    return made.numbers;
  }

  /** Of what an activation cuts off nothing is spanned: above 6 behind relu6, below the end of the activation that reads it. */
  #steps(v: Value): Steps {
    const { low, high } = this.#seen.rangeOf(v) ?? { low: 0, high: 0 };
    const top = is(v, "activation") && v.attrs.kind === "relu6" ? 6 : Number.POSITIVE_INFINITY;
    return stepsOf({ low: Math.max(low, this.#plan.floors.get(v) ?? low), high: Math.min(high, top) });
  }
}

const shaped = (b: Builder, x: Value, { type: { shape } }: Value): Value =>
  x.type.shape.length === shape.length ? x : b.reshape(x, { shape });
