import { describe, expect, it } from "vitest";
import { type Builder, builderAt } from "../../../src/ir/builder.ts";
import { type Dim, addDim, ceilDivDim, floorDivDim, mulDim, scaleDim, subDim, symbol } from "../../../src/ir/dim.ts";
import { Graph } from "../../../src/ir/graph.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import { type NdArray, ndarray } from "../../../src/ir/ndarray.ts";
import { count } from "../../../src/ir/type.ts";
import type { Value } from "../../../src/ir/value.ts";
import { expectClose } from "../../ir/ops/case-graph.ts";
import { tolerances } from "../../ir/ops/cases/case.ts";
import { refusal } from "../../ir/refusal.ts";
import { emitAndRun } from "./emit-and-run.ts";

const [N, H, W] = [symbol("N"), symbol("H"), symbol("W")];
const opsets = [17, 18, 23];
const sizes = [
  { N: 1, H: 4, W: 5 },
  { N: 2, H: 7, W: 6 },
  { N: 3, H: 5, W: 9 },
];

/** Numbers in [-1, 1], the same for the same shape. */
const numbers = (_: string, shape: readonly number[]): NdArray =>
  ndarray(
    "f32",
    shape,
    Float64Array.from({ length: count(shape) }, (_, i) => Math.fround(Math.sin(i * 1.7 + 1))),
  );

function graphOf(input: readonly Dim[], draw: (b: Builder, x: Value) => Value): Graph {
  const graph = new Graph("sizes");
  const b = builderAt({ graph, origin: { path: "v", rules: [] } });
  const x = graph.insert("input", [], { shape: input }, { path: "x", rules: [] });
  graph.setOutputs([{ name: "y", value: draw(b, x) }]);
  return graph;
}

const image: readonly Dim[] = [N, 4, H, W];
const half = (d: Dim): Dim => addDim(floorDivDim(addDim(d, -1), 2), 1);
const window = { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] };
const param = (b: Builder, shape: readonly number[]): Value => b.param({ key: "w", shape });
const strided = (b: Builder, x: Value): Value =>
  b.conv(x, param(b, [4, 4, 3, 3]), undefined, { stride: [2, 2], padding: [1, 1, 1, 1], dilation: [1, 1] });

/** Graphs whose shapes hold expressions of several symbols. */
const graphs: Readonly<Record<string, Graph>> = {
  "tokens and back": graphOf(image, (b, x) => {
    const y = strided(b, x);
    const tokens = b.transpose(b.reshape(y, { shape: [N, 4, mulDim(half(H), half(W))] }), { perm: [0, 2, 1] });
    const back = b.reshape(b.transpose(tokens, { perm: [0, 2, 1] }), { shape: y.type.shape });
    return b.add(back, b.avg_pool(x, { ...window, kernel: [3, 3] }));
  }),
  "max pool behind zeros that win": graphOf(image, (b, x) => {
    const negative = b.sub(x, b.constant({ values: [2] }));
    const padded = b.pad(negative, { padding: [0, 0, 1, 1, 0, 0, 1, 1] });
    return b.max_pool(padded, { kernel: [3, 3], stride: [2, 2], padding: [0, 0, 0, 0] });
  }),
  "max pool, ceil": graphOf(image, (b, x) => b.max_pool(x, { ...window, ceil: true })),
  "average pool, ceil, padding counts": graphOf(image, (b, x) => b.avg_pool(x, { ...window, ceil: true })),
  "average pool, ceil, padding does not count": graphOf(image, (b, x) =>
    b.avg_pool(x, { ...window, ceil: true, count_include_pad: false }),
  ),
  "average pool, ceil, no padding": graphOf(image, (b, x) =>
    b.avg_pool(x, { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0], ceil: true }),
  ),
  windows: graphOf([N, 4, scaleDim(H, 3), scaleDim(W, 2)], (b, x) => {
    const parts = b.transpose(b.reshape(x, { shape: [N, 4, H, 3, W, 2] }), { perm: [0, 2, 4, 3, 5, 1] });
    const windows = b.reshape(parts, { shape: [mulDim(N, H, W), 6, 4] });
    const mixed = b.softmax(windows, { axis: 1 });
    return b.reshape(mixed, { shape: [N, mulDim(H, W), 6, 4] });
  }),
  "grids from outside": graphOf(image, (b, x) => {
    const row = b.expand(param(b, [1, 4, 1, 1]), { shape: [N, 4, half(H), half(W)] });
    return b.add(row, strided(b, x));
  }),
  slices: graphOf(image, (b, x) => {
    const top = b.slice(x, { axis: 2, range: [0, half(H)] });
    const rest = b.slice(x, { axis: 2, range: [half(H), H] });
    return b.concat([rest, top, b.slice(x, { axis: 2, range: [addDim(H, -2), addDim(H, -1)] })], { axis: 2 });
  }),
  roll: graphOf(image, (b, x) => b.roll(b.roll(x, { axis: 2, shift: 3 }), { axis: 3, shift: -2 })),
  "roll, further than the extent": graphOf(image, (b, x) =>
    b.roll(b.roll(x, { axis: 2, shift: 29 }), { axis: 3, shift: -17 }),
  ),
  "padding up to a multiple": graphOf(image, (b, x) => {
    const missing = (d: Dim): Dim => subDim(scaleDim(ceilDivDim(d, 3), 3), d);
    const above = floorDivDim(missing(H), 2);
    const padding = [0, 0, above, 0, 0, 0, subDim(missing(H), above), missing(W)];
    return b.max_pool(b.pad(x, { padding, value: -1 }), { kernel: [3, 3], stride: [3, 3], padding: [0, 0, 0, 0] });
  }),
  "reflection of a symbolic width": graphOf(image, (b, x) =>
    b.pad(x, { padding: [0, 0, 0, subDim(W, half(W)), 0, 0, 1, 0], mode: "reflect" }),
  ),
  "positions of a grid": graphOf(image, (b, x) => {
    const rows = b.iota({ axis: 0, shape: [half(H), W], dtype: "f32" });
    const columns = b.cast(b.iota({ axis: 1, shape: [1, W] }), { to: "f32" });
    const square = b.iota({ axis: 0, shape: [addDim(H, W)], dtype: "i32" });
    const count = b.reduce_max(square, { axes: [0] });
    const grid = b.mul(b.sub(rows, columns), b.cast(count, { to: "f32" }));
    return b.add(b.slice(x, { axis: 2, range: [0, half(H)] }), grid);
  }),
  norms: graphOf(image, (b, x) => {
    const grouped = b.group_norm(x, param(b, [4]), undefined, { groups: 2 });
    return b.layer_norm(b.transpose(grouped, { perm: [0, 2, 3, 1] }), undefined, undefined, { eps: 1e-6 });
  }),
  "nearest, twice": graphOf(image, (b, x) =>
    b.resize(x, { axes: [2, 3], size: [scaleDim(H, 2), scaleDim(W, 4)], mode: "nearest" }),
  ),
  "bilinear to a fixed size": graphOf(image, (b, x) => b.resize(x, { axes: [2, 3], size: [6, 6], mode: "linear" })),
  "bilinear, corners aligned": graphOf(image, (b, x) =>
    b.resize(strided(b, x), { axes: [2, 3], size: [H, W], mode: "linear", align_corners: true }),
  ),
  "linear, of a table": graphOf(image, (b, x) => {
    const table = b.resize(param(b, [5, 3]), { axes: [0], size: [addDim(H, W)], mode: "linear" });
    return b.add(b.slice(x, { axis: 1, range: [0, 1] }), b.reduce_max(table, { axes: [0, 1] }));
  }),
  "bicubic, channels last": graphOf(image, (b, x) => {
    const map = b.resize(param(b, [1, 5, 7, 4]), { axes: [1, 2], size: [H, W], mode: "cubic" });
    return b.add(b.transpose(x, { perm: [0, 2, 3, 1] }), map);
  }),
  "bicubic from a fixed size": graphOf(image, (b, x) =>
    b.add(b.resize(param(b, [1, 4, 5, 5]), { axes: [2, 3], size: [H, W], mode: "cubic" }), x),
  ),
};

describe.each(opsets)("opset %i: shapes with several symbols", (opset) => {
  it.each(Object.entries(graphs))("%s", async (_, graph) => {
    const results = await emitAndRun(graph, numbers, sizes, opset);
    for (const [i, symbols] of sizes.entries()) {
      const env = {
        input: (name: string, { shape }: { shape: readonly number[] }) => numbers(name, shape),
        param: (key: string, { shape }: { shape: readonly number[] }) => numbers(key, shape),
        symbols,
      };
      const expected = interpret(graph, env).get("y");
      if (expected === undefined) throw new RangeError("no output");
      expectClose(results[i]?.get("y"), expected, tolerances.normalisation, () => JSON.stringify(symbols));
    }
  });
});

describe("what depends on a symbol and has no exact form is refused", () => {
  const emit = (graph: Graph, opset: number) => refusal(() => void emitAndRun(graph, numbers, [], opset));

  it("antialiasing before opset 18", () => {
    const graph = graphOf(image, (b, x) =>
      b.resize(x, { axes: [2, 3], size: [6, 6], mode: "linear", antialias: true }),
    );
    expect(emit(graph, 17)).toContain("--opset 18");
  });

  it("nearest by a ratio that is not whole", () => {
    const graph = graphOf(image, (b, x) => b.resize(x, { axes: [2, 3], size: [6, 6], mode: "nearest" }));
    expect(emit(graph, 23)).toContain("static extents");
  });
});
