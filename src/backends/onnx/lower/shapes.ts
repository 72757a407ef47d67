import { type Dim, isStatic, printDim, printShape, sameDim, scaleDim, symbol } from "../../../ir/dim.ts";
import { TimmcError } from "../../../ir/error.ts";
import type { Value } from "../../../ir/value.ts";
import type { OnnxAttribute, OnnxNode } from "../model.ts";
import { int } from "./context.ts";

/** A dimension at run time: its text, which names it, and the ONNX name of a vector of one i64. */
interface Extent {
  readonly text: string;
  readonly name: string;
}

/** Where symbols come from and where the arithmetic goes. */
interface ShapeSink {
  readonly inputs: readonly Value<"input">[];
  nameOf(value: Value): string;
  ints(values: readonly number[]): string;
  add(node: OnnxNode): void;
}

/** Computes shapes at run time from the shapes of the inputs: every symbol and every expression once per model. */
export class Shapes {
  readonly #sink: ShapeSink;
  readonly #known = new Set<string>();

  constructor(sink: ShapeSink) {
    this.#sink = sink;
  }

  /** A vector of i64; neighbouring static extents are one constant. */
  vector(dims: readonly Dim[]): string {
    const parts: string[] = [];
    let run: number[] = [];
    const flush = () => {
      if (run.length > 0) parts.push(this.#sink.ints(run));
      run = [];
    };
    for (const dim of dims) {
      if (isStatic(dim)) run.push(dim);
      else {
        flush();
        parts.push(this.#extent(dim).name);
      }
    }
    flush();
    const [first = this.#sink.ints([])] = parts;
    return parts.length <= 1 ? first : this.#node(printShape(dims), "Concat", parts, { axis: int(0) }).name;
  }

  #extent(dim: Dim): Extent {
    if (isStatic(dim)) return { text: String(dim), name: this.#sink.ints([dim]) };
    const products = dim.terms.map(({ atoms, coefficient }) => {
      const factors = atoms.map((a) => (a.kind === "symbol" ? this.#symbol(a.key) : this.#floor(a.key, a)));
      return this.#fold("Mul", "*", coefficient === 1 ? factors : [...factors, this.#extent(coefficient)]);
    });
    return this.#fold("Add", "+", dim.constant === 0 ? products : [...products, this.#extent(dim.constant)]);
  }

  /** ONNX divides toward zero, which is floor here: in normal form no numerator has a negative coefficient or constant. */
  #floor(text: string, { numerator, divisor }: { numerator: Dim; divisor: number }): Extent {
    return this.#node(text, "Div", [this.#extent(numerator).name, this.#extent(divisor).name]);
  }

  #fold(opType: "Add" | "Mul", sign: string, extents: readonly Extent[]): Extent {
    return extents.reduce((a, b) => this.#node(`${a.text}${sign}${b.text}`, opType, [a.name, b.name]));
  }

  /** A symbol is an extent of an input, or a whole part of one: sizes that are multiples of 32 are written 32*H. */
  #symbol(name: string): Extent {
    const whole = symbol(name);
    for (const input of this.#sink.inputs)
      for (const [axis, extent] of input.type.shape.entries()) {
        const factor = isStatic(extent) ? 1 : (extent.terms[0]?.coefficient ?? 1);
        if (!sameDim(extent, scaleDim(whole, factor))) continue;
        const bounds = { start: int(axis), end: int(axis + 1) };
        const read = this.#node(printDim(extent), "Shape", [this.#sink.nameOf(input)], bounds);
        return factor === 1 ? read : this.#node(name, "Div", [read.name, this.#extent(factor).name]);
      }
    throw new TimmcError("invalid-ir", `the symbol ${name} is the extent of no input`);
  }

  #node(
    text: string,
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): Extent {
    const name = `dim/${text}`;
    if (!this.#known.has(name)) this.#sink.add({ opType, name, inputs, outputs: [name], attributes });
    this.#known.add(name);
    return { text, name };
  }
}
