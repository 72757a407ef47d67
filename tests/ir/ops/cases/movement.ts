import { type Dim, isStatic, mulDim, subDim } from "../../../../src/ir/dim.ts";
import type { Attrs } from "../../../../src/ir/value.ts";
import { type Draw, N, type Subject, body, cases, weight } from "./case.ts";

const numbers = (dims: readonly Dim[]): number[] => dims.map(Number);

const concat: Subject<Attrs<"concat">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = d.shape(1, 4);
    const axis = d.int(0, shape.length - 1);
    const parts = Array.from({ length: d.int(1, 4) }, () => body(axis === 0 ? shape : shape.with(axis, d.int(1, 4))));
    return { operands: parts, attrs: { axis: d.flag() ? axis : axis - shape.length } };
  }),
  hand: (m, { names, attrs }) => m.op("Concat", names, { axis: attrs.axis }),
};

const expand: Subject<Attrs<"expand">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = d.shape(1, 4);
    const from = shape.map((extent, i) => (i > 0 && d.flag() ? 1 : extent));
    const lead = d.flag() ? [d.int(1, 3)] : [];
    return { operands: [body(from)], attrs: { shape: [...lead, ...shape] } };
  }),
  hand: (m, { names, attrs }) => m.op("Expand", [...names, m.ints(numbers(attrs.shape))]),
};

/** Whole indices from 0 to below the extent. */
const gather: Subject<Attrs<"gather">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = [N, ...d.ints(d.int(1, 3), 1, 5)];
    const axis = d.int(1, shape.length - 1);
    const indices = { dtype: "i64", low: 0, high: Number(shape[axis]) - 1 } as const;
    const picks = d.ints(d.int(0, 2), 1, 4);
    return {
      operands: [body(shape), d.flag() ? weight(picks, indices) : body([N, ...picks], indices)],
      attrs: { axis: d.flag() ? axis : axis - shape.length },
    };
  }),
  hand: (m, { names, attrs }) => m.op("Gather", names, { axis: attrs.axis }),
};

const pad: Subject<Attrs<"pad">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = [N, ...d.ints(d.int(1, 3), 4, 6)];
    const mode = d.of("constant", "reflect");
    const side = (): Dim[] => [
      mode === "constant" && d.flag() ? subDim(N, 1) : 0,
      ...d.ints(shape.length - 1, mode === "reflect" ? 0 : -1, 3),
    ];
    return { operands: [body(shape)], attrs: { padding: [...side(), ...side()], mode, value: d.of(0, -1.5) } };
  }),
  hand: (m, { names: [x = ""], attrs }) =>
    m.op("Pad", [x, m.ints(numbers(attrs.padding)), m.floats([attrs.value], [])], { mode: attrs.mode }),
};

const reshape: Subject<Attrs<"reshape">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = [N, ...d.ints(3, 1, 4)];
    const [b = 1, c = 1, e = 1] = shape.slice(1);
    const to = d.of<readonly Dim[]>(
      [N, mulDim(b, c, e)],
      [mulDim(N, b), mulDim(c, e)],
      [mulDim(N, b, c, e)],
      [b, N, e, c],
      [1, N, c, mulDim(b, e)],
      [mulDim(N, e), 1, mulDim(b, c)],
    );
    return { operands: [body(shape)], attrs: { shape: to } };
  }),
  hand: (m, { names, attrs }) => m.op("Reshape", [...names, m.ints(numbers(attrs.shape))]),
};

const roll: Subject<Attrs<"roll">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = [N, ...d.ints(d.int(1, 3), 1, 6)];
    return { operands: [body(shape)], attrs: { axis: d.int(1, shape.length - 1), shift: d.int(-9, 9) } };
  }),
  hand: (m, { names: [x = ""], attrs: { axis, shift }, result }) => {
    const extent = result.shape[axis] ?? 1;
    const from = Array.from({ length: extent }, (_, i) => (((i - shift) % extent) + extent) % extent);
    return m.op("Gather", [x, m.ints(from)], { axis });
  },
};

const slice: Subject<Attrs<"slice">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = d.shape(1, 4, 7);
    const axis = d.int(0, shape.length - 1);
    const extent = shape[axis] ?? 1;
    const range = isStatic(extent)
      ? staticRange(d, extent)
      : d.of([0, N], [subDim(N, 1), N], [0, subDim(N, 1)], [0, 1]);
    return { operands: [body(shape)], attrs: { axis, range, step: d.int(1, 3) } };
  }),
  hand: (m, { names, attrs: { axis, range, step } }) => {
    const [start = 0, end = 0] = numbers(range);
    return m.op("Slice", [...names, m.ints([start]), m.ints([end]), m.ints([axis]), m.ints([step])]);
  },
};

const staticRange = (d: Draw, extent: number): number[] => {
  const start = d.int(0, extent - 1);
  return [start, d.int(start + 1, extent)];
};

const transpose: Subject<Attrs<"transpose">> = {
  tolerance: "exact",
  cases: cases((d) => {
    const shape = d.shape(1, 5);
    return { operands: [body(shape)], attrs: { perm: d.permutation(shape.length) } };
  }),
  hand: (m, { names, attrs }) => m.op("Transpose", names, { perm: attrs.perm }),
};

const reduction = (opType: string, tolerance: Subject<object>["tolerance"]): Subject<Attrs<"reduce_sum">> => ({
  tolerance,
  cases: cases((d) => {
    const shape = d.shape(1, 4);
    const axes = d.subset(shape.length).map((axis) => (d.flag() ? axis : axis - shape.length));
    return { operands: [body(shape)], attrs: { axes, keep: d.flag() } };
  }),
  hand: (m, { names, attrs: { axes, keep } }) => m.op(opType, [...names, m.ints(axes)], { keepdims: keep ? 1 : 0 }),
});

export const movement = {
  concat,
  expand,
  gather,
  pad,
  reduce_max: reduction("ReduceMax", "exact"),
  reduce_mean: reduction("ReduceMean", "contraction"),
  reduce_sum: reduction("ReduceSum", "contraction"),
  reshape,
  roll,
  slice,
  transpose,
} as const satisfies Record<string, Subject<never>>;
