import { activationKinds } from "../../../../src/ir/ops/activation.ts";
import type { Attrs } from "../../../../src/ir/value.ts";
import { type OpCase, type OperandSpec, body, weight } from "../../../ir/ops/cases/case.ts";
import type { TestedOp } from "../../../ir/ops/cases/index.ts";

/** The shapes that kernels go wrong with, by op: what a drawn case, which is small, seldom has. */
type ShapeClasses = { readonly [N in TestedOp]?: Readonly<Record<string, OpCase>> };

const of = <N extends TestedOp>(operands: readonly (OperandSpec | undefined)[], attrs: Attrs<N>): OpCase => ({
  operands,
  attrs: attrs as unknown as OpCase["attrs"],
});

const plain = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 };

const conv = (x: readonly number[], w: readonly number[], attrs: Partial<Attrs<"conv">> = {}): OpCase =>
  of<"conv">([body(x), weight(w, { low: -0.5, high: 0.5 }), weight([w[0] ?? 1])], { ...plain, ...attrs });

const pool = (x: readonly number[], attrs: Partial<Attrs<"avg_pool">>): OpCase =>
  of<"avg_pool">([body(x)], {
    kernel: [3, 3],
    stride: [2, 2],
    padding: [1, 1, 1, 1],
    ceil: false,
    count_include_pad: true,
    ...attrs,
  });

const pools = (make: (x: readonly number[], attrs: Partial<Attrs<"avg_pool">>) => OpCase): Record<string, OpCase> => ({
  "odd size": make([2, 5, 13, 9], {}),
  "asymmetric padding": make([1, 8, 7, 10], { padding: [0, 2, 1, 0] }),
  "a last window that overhangs": make([2, 4, 8, 11], { ceil: true, padding: [0, 0, 0, 0] }),
  "the whole map": make([2, 6, 7, 5], { kernel: [7, 5], stride: [7, 5], padding: [0, 0, 0, 0] }),
  "overlapping windows": make([1, 12, 9, 9], { kernel: [5, 3], stride: [1, 2], padding: [2, 1, 2, 1] }),
});

const maxPool = (x: readonly number[], attrs: Partial<Attrs<"avg_pool">>): OpCase => {
  const made = pool(x, attrs);
  const known = Object.entries(made.attrs).filter(([key]) => key !== "count_include_pad");
  return { ...made, attrs: Object.fromEntries(known) };
};

const attention = (lead: readonly number[], [n, m, d, e]: readonly number[], bias?: OperandSpec, range = 2): OpCase =>
  of<"attention">(
    [
      body([...lead, n ?? 1, d ?? 1], { low: -range, high: range }),
      body([...lead, m ?? 1, d ?? 1]),
      body([...lead, m ?? 1, e ?? 1]),
      bias,
    ],
    { scale: 0.3 },
  );

const norm = (x: readonly number[], width: number, range: readonly [number, number] = [-2, 2]): OpCase =>
  of<"layer_norm">([body(x, { low: range[0], high: range[1] }), weight([width]), weight([width])], { eps: 1e-6 });

const group = (x: readonly number[], groups: number, range: readonly [number, number] = [-2, 2]): OpCase =>
  of<"group_norm">([body(x, { low: range[0], high: range[1] }), weight([x[1] ?? 1]), weight([x[1] ?? 1])], {
    groups,
    eps: 1e-5,
  });

const sum = (x: readonly number[], axes: number[], keep = false): OpCase => of<"reduce_sum">([body(x)], { axes, keep });

const reductions: Record<string, OpCase> = {
  "all of a large tensor": sum([1, 3001], [1]),
  "a map": sum([3, 5, 17, 13], [2, 3], true),
  channels: sum([2, 37, 6, 5], [1]),
  "the first axis": sum([19, 4, 6], [0]),
  "axes apart": sum([3, 7, 5, 9], [1, 3], true),
  "an axis of one": sum([4, 1, 9], [1]),
};

const resized = (
  x: readonly number[],
  size: number[],
  mode: Attrs<"resize">["mode"],
  rest: Partial<Attrs<"resize">> = {},
): OpCase => of<"resize">([body(x)], { axes: [2, 3], size, mode, antialias: false, align_corners: false, ...rest });

const pair = (x: readonly number[], y: readonly number[], range: Partial<OperandSpec> = {}): OpCase =>
  of<"add">([body(x), body(y, range)], {});

const broadcasts: Record<string, OpCase> = {
  "channels of a map": pair([2, 6, 5, 3], [6, 1, 1]),
  "both ways": pair([3, 1, 7], [5, 1]),
  "one number": pair([2, 3, 5], []),
  "a long row": pair([1, 1003], [1, 1003]),
  "rows of four": pair([2, 8, 4], [8, 1]),
};

const one = (low: number, high: number, shape: readonly number[] = [2, 500]): OpCase =>
  of<"exp">([body(shape, { low, high })], {});

const movement = <N extends TestedOp>(shape: readonly number[], attrs: Attrs<N>): OpCase => of<N>([body(shape)], attrs);

export const shapeClasses: ShapeClasses = {
  conv: {
    "odd sizes": conv([1, 5, 9, 7], [7, 5, 3, 3], { padding: [1, 1, 1, 1] }),
    "batch above one": conv([3, 4, 6, 5], [12, 4, 3, 3], { padding: [1, 1, 1, 1] }),
    "channels that four does not divide": conv([2, 6, 9, 9], [10, 6, 1, 1]),
    "one by one": conv([2, 16, 7, 5], [24, 16, 1, 1]),
    "stride two": conv([1, 8, 15, 10], [8, 8, 3, 3], { stride: [2, 2], padding: [1, 1, 1, 1] }),
    "asymmetric padding": conv([1, 4, 10, 9], [8, 4, 3, 3], { stride: [2, 2], padding: [0, 1, 1, 0] }),
    dilation: conv([1, 4, 13, 11], [4, 4, 3, 3], { dilation: [2, 3], padding: [2, 3, 2, 3] }),
    groups: conv([2, 12, 8, 8], [18, 4, 3, 3], { groups: 3, padding: [1, 1, 1, 1] }),
    depthwise: conv([1, 12, 9, 7], [12, 1, 5, 5], { groups: 12, padding: [2, 2, 2, 2] }),
    "depthwise with three of a channel": conv([1, 5, 8, 8], [15, 1, 3, 3], { groups: 5, padding: [1, 1, 1, 1] }),
    "a stem": conv([1, 3, 18, 18], [8, 3, 7, 7], { stride: [2, 2], padding: [3, 3, 3, 3] }),
    patches: conv([1, 3, 16, 16], [12, 3, 8, 8], { stride: [8, 8] }),
    "a kernel of one row": conv([1, 4, 9, 9], [4, 4, 1, 7], { padding: [0, 3, 0, 3] }),
    "one channel": conv([2, 1, 9, 5], [1, 1, 3, 3], { padding: [1, 1, 1, 1] }),
    "many channels": conv([1, 132, 3, 3], [4, 132, 3, 3], { padding: [1, 1, 1, 1] }),
    "one place": conv([1, 64, 1, 1], [36, 64, 1, 1]),
  },
  linear: {
    "a long row": of<"linear">([body([2, 1027]), weight([3, 1027], { low: -0.1, high: 0.1 }), weight([3])], {}),
    tokens: of<"linear">([body([2, 17, 24]), weight([40, 24]), weight([40])], {}),
    odd: of<"linear">([body([1, 5, 7, 13]), weight([11, 13]), undefined], {}),
    "one output": of<"linear">([body([3, 32]), weight([1, 32]), weight([1])], {}),
    "a classifier": of<"linear">([body([1, 64]), weight([250, 64]), weight([250])], {}),
  },
  matmul: {
    odd: of<"matmul">([body([3, 7, 13]), body([3, 13, 5])], {}),
    "batches that spread": of<"matmul">([body([2, 1, 9, 8]), body([3, 8, 12])], {}),
    "long sums": of<"matmul">([body([1, 4, 700], { low: -0.2, high: 0.2 }), body([1, 700, 8])], {}),
    "one row": of<"matmul">([body([2, 1, 16]), body([2, 16, 20])], {}),
    "one column": of<"matmul">([body([2, 6, 16]), body([2, 16, 1])], {}),
    "tiles and a rest": of<"matmul">([body([1, 67, 16]), body([1, 16, 36])], {}),
  },
  attention: {
    odd: attention([2, 3], [7, 11, 5, 9]),
    "heads of a vision transformer": attention([1, 2], [18, 18, 16, 16]),
    "long rows": attention([1, 1], [2, 401, 8, 8]),
    "large scores": attention([1, 2], [6, 9, 16, 8], undefined, 40),
    "a bias of windows": attention([3, 2], [16, 16, 8, 8], body([2, 16, 16])),
    "a bias of columns": attention([2, 2], [5, 12, 4, 4], body([1, 12])),
    "a mask": attention([1, 1], [9, 33, 8, 8], body([1, 1, 9, 33], { low: -100, high: 0 })),
    "one query": attention([2, 4], [1, 21, 12, 12]),
    "one key": attention([1, 2], [4, 1, 8, 8]),
    channels: attention([1, 1], [4, 4, 136, 136]),
  },
  max_pool: pools(maxPool),
  avg_pool: { ...pools(pool), "padding that does not count": pool([2, 5, 9, 9], { count_include_pad: false }) },
  reduce_sum: reductions,
  reduce_mean: reductions,
  reduce_max: reductions,
  softmax: {
    "a long row": movement<"softmax">([3, 1001], { axis: -1 }),
    "large numbers": of<"softmax">([body([4, 37], { low: -9000, high: 9000 })], { axis: -1 }),
    channels: movement<"softmax">([2, 9, 5, 3], { axis: 1 }),
    "a row of one": movement<"softmax">([5, 1], { axis: -1 }),
    "the first axis": movement<"softmax">([7, 6], { axis: 0 }),
  },
  layer_norm: {
    "a long row": norm([2, 1025], 1025),
    odd: norm([3, 5, 37], 37),
    "rows far from zero": norm([4, 96], 96, [99, 101]),
    "a map": norm([2, 7, 5, 24], 24),
  },
  rms_norm: {
    "a long row": of<"rms_norm">([body([2, 1025]), weight([1025])], { eps: 1e-6 }),
    odd: of<"rms_norm">([body([2, 3, 7, 19]), undefined], { eps: 1e-5 }),
  },
  group_norm: {
    "one group": group([2, 12, 9, 7], 1),
    "a group of each channel": group([1, 6, 8, 5], 6),
    odd: group([3, 15, 5, 3], 5),
    "rows far from zero": group([1, 8, 10, 10], 2, [49, 51]),
    tokens: group([2, 8, 31], 4),
  },
  batch_norm: {
    "a map": of<"batch_norm">(
      [body([2, 12, 7, 5]), weight([12]), weight([12]), weight([12]), weight([12], { low: 0.1, high: 3 })],
      { eps: 1e-3 },
    ),
  },
  resize: {
    "nearest, twice": resized([2, 4, 5, 7], [10, 14], "nearest"),
    "nearest, down": resized([1, 3, 11, 13], [4, 5], "nearest"),
    "linear, up": resized([2, 5, 7, 9], [20, 23], "linear"),
    "linear, down": resized([1, 4, 17, 19], [6, 7], "linear"),
    "linear, corners": resized([1, 4, 7, 5], [15, 11], "linear", { align_corners: true }),
    "linear, one place": resized([1, 4, 1, 5], [3, 1], "linear", { align_corners: true }),
    "cubic, up": resized([1, 3, 6, 5], [13, 16], "cubic"),
    "cubic, down": resized([2, 3, 24, 23], [7, 20], "cubic"),
    "cubic of one place": resized([1, 4, 1, 2], [4, 5], "cubic"),
    "cubic, corners": resized([1, 4, 8, 9], [11, 5], "cubic", { align_corners: true }),
    "linear, antialiased down": resized([1, 3, 23, 19], [7, 5], "linear", { antialias: true }),
    "cubic, antialiased up and down": resized([1, 3, 9, 21], [14, 8], "cubic", { antialias: true }),
  },
  gather: {
    "rows by weights": of<"gather">([body([2, 33, 5]), weight([4, 9], { dtype: "i64", low: 0, high: 32 })], {
      axis: 1,
    }),
  },
  pad: {
    "a reflected map": movement<"pad">([1, 5, 7, 9], { padding: [0, 0, 2, 3, 0, 0, 1, 4], mode: "reflect", value: 0 }),
    "cropped and padded": movement<"pad">([2, 4, 9, 6], {
      padding: [0, 0, -2, 1, 0, 0, 3, -1],
      mode: "constant",
      value: 1.5,
    }),
  },
  concat: {
    "uneven channels": of<"concat">([body([2, 3, 5, 7]), body([2, 8, 5, 7]), body([2, 1, 5, 7])], { axis: 1 }),
    "a token in front": of<"concat">([weight([2, 1, 12]), body([2, 19, 12])], { axis: 1 }),
  },
  transpose: {
    windows: movement<"transpose">([2, 3, 4, 5, 7], { perm: [0, 3, 1, 4, 2] }),
    "channels last": movement<"transpose">([2, 13, 9, 5], { perm: [0, 2, 3, 1] }),
  },
  roll: { "a window": movement<"roll">([2, 14, 14, 6], { axis: 1, shift: -3 }) },
  slice: { "every other": movement<"slice">([2, 17, 9], { axis: 1, range: [1, 16], step: 2 }) },
  add: broadcasts,
  mul: broadcasts,
  sub: broadcasts,
  maximum: broadcasts,
  div: { "of numbers near nothing": pair([2, 300], [2, 300], { low: 1e-3, high: 2 }) },
  pow: {
    "of negative numbers": of<"pow">([body([3, 60]), weight([1], { dtype: "f32", low: 3, high: 3 })], {}),
    "even powers": of<"pow">([body([3, 60]), weight([1], { low: 4, high: 4 })], {}),
  },
  exp: { "as far as it goes": one(-100, 80) },
  activation: Object.fromEntries(
    activationKinds.map((kind) => [
      kind,
      of<"activation">([body([2, 400], { low: -200, high: 200 })], { kind, alpha: 0.5 }),
    ]),
  ),
  mod: { "of negative numbers": of<"mod">([integers(-50, 50), integers(1, 9)], {}) },
  floor_div: { "of negative numbers": of<"floor_div">([integers(-50, 50), integers(1, 9)], {}) },
  cast: {
    "towards zero": of<"cast">([body([2, 100], { low: -9, high: 9 })], { to: "i64" }),
  },
};

function integers(low: number, high: number): OperandSpec {
  return body([3, 111], { dtype: "i64", low, high });
}
