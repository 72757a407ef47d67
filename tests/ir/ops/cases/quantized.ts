import type { Attrs } from "../../../../src/ir/value.ts";
import { type Draw, type OperandSpec, type Subject, body, cases, weight } from "./case.ts";

/** The integers of an element type, drawn. */
const bytes = (d: Draw): Pick<OperandSpec, "dtype" | "low" | "high"> =>
  d.of({ dtype: "u8", low: 0, high: 255 }, { dtype: "i8", low: -128, high: 127 });

/** A shape, an axis of it with a static extent, and the shape of a scale: one number or one for each index. */
function scaled(d: Draw): { shape: OperandSpec["shape"]; axis: number; steps: number[] } {
  const shape = d.shape(2, 4);
  const axis = d.int(1, shape.length - 1);
  return { shape, axis, steps: d.flag() ? [] : [Number(shape[axis])] };
}

const quantize: Subject<Attrs<"quantize">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const { shape, axis, steps } = scaled(d);
    const range = bytes(d);
    const zeroPoint = d.flag() ? weight(steps, range) : undefined;
    return {
      // Some numbers are beyond both ends.
      operands: [body(shape), weight(steps, { low: 0.004, high: 0.03 }), zeroPoint],
      attrs: { to: range.dtype, axis },
    };
  }),
  hand: (m, { names: [x = "", scale = "", zeroPoint = ""], attrs: { to, axis } }) =>
    zeroPoint === ""
      ? m.op("QuantizeLinear", [x, scale], { axis, output_dtype: to === "u8" ? 2 : 3 })
      : m.op("QuantizeLinear", [x, scale, zeroPoint], { axis }),
};

const dequantize: Subject<Attrs<"dequantize">> = {
  tolerance: "arithmetic",
  cases: cases((d) => {
    const { shape, axis, steps } = scaled(d);
    const range = bytes(d);
    const zeroPoint = d.flag() ? weight(steps, range) : undefined;
    return { operands: [body(shape, range), weight(steps, { low: 0.004, high: 0.03 }), zeroPoint], attrs: { axis } };
  }),
  hand: (m, { names, attrs: { axis } }) =>
    m.op("DequantizeLinear", names.at(2) === "" ? names.slice(0, 2) : names, { axis }),
};

const signed = { dtype: "i8", low: -127, high: 127 } as const;
const steps = { low: 0.001, high: 0.01 };

const dynamicMatmul: Subject<Attrs<"dynamic_matmul">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const [inner, columns] = [d.int(1, 9), d.int(1, 6)];
    return {
      operands: [
        body([...d.shape(1, 3, 3), inner]),
        weight([inner, columns], signed),
        weight(d.flag() ? [columns] : [], steps),
      ],
      attrs: {},
    };
  }),
  hand: (m, { names: [x = "", w = "", scale = ""] }) => {
    const [whole = "", step = "", zero = ""] = m.several("DynamicQuantizeLinear", [x], 3);
    const sums = m.op("Cast", [m.op("MatMulInteger", [whole, w, zero])], { to: 1 });
    return m.op("Mul", [m.op("Mul", [sums, step]), scale]);
  },
};

export const quantized = {
  dequantize,
  dynamic_matmul: dynamicMatmul,
  quantize,
} as const satisfies Record<string, Subject<never>>;
