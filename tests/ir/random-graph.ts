import * as fc from "fast-check";
import { type Builder, builderAt } from "../../src/ir/builder.ts";
import { type Dim, floorDivDim, isStatic, mulDim, substituteDim, symbol } from "../../src/ir/dim.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { Graph } from "../../src/ir/graph.ts";
import type { Environment } from "../../src/ir/interpret.ts";
import { ndarray } from "../../src/ir/ndarray.ts";
import { type StaticType, count, sameType } from "../../src/ir/type.ts";
import type { Origin, Value } from "../../src/ir/value.ts";
import { batchNorm, movements, projections } from "./random-projections.ts";

/** One thing that a random graph does next; the numbers pick among what is possible, so every step shrinks alone. */
interface Step {
  readonly make: number;
  readonly picks: readonly number[];
  readonly path: string;
  readonly rules: readonly string[];
}

const paths = ["", "stem", "layer1.0.conv1", "layer1.0", "a b", 'quoted"path\n', "übung", "x-1"];
const step: fc.Arbitrary<Step> = fc.record({
  make: fc.nat(1000),
  picks: fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
  path: fc.constantFrom(...paths),
  rules: fc.subarray(["fold-batch-norm", "fuse-x", "not bare"]),
});

const symbols = { N: 2, H: 9 };

/** Finite graphs over most ops, with symbolic sizes, dead values, several outputs and the scars of edits. */
export const randomGraph: fc.Arbitrary<Graph> = fc
  .tuple(
    fc.array(step, { minLength: 10, maxLength: 40, size: "max" }),
    fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }),
    fc.array(fc.nat(1000)),
  )
  .map(([steps, outputs, edits]) => {
    const graph = seed();
    for (const s of steps) grow(graph, s);
    const values = [...graph.values()];
    graph.setOutputs(outputs.map((n, i) => ({ name: `out.${i} "x"`, value: at(values, n) })));
    for (const n of edits) edit(graph, n);
    return graph;
  });

const at = <T>(items: readonly T[], n: number): T => {
  const item = items[n % items.length];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
};

const builder = (graph: Graph, origin: Origin): Builder => builderAt({ graph, origin });

function seed(): Graph {
  const graph = new Graph("random graph");
  const named = (path: string): Builder => builder(graph, { path, rules: [] });
  named("input").input({ shape: [symbol("N"), 4, symbol("H"), 6] });
  named("ids").input({ shape: [symbol("N"), 3], dtype: "i64" });
  for (const [key, shape] of [
    ["stem.weight", [4, 4, 3, 3]],
    ["fc.weight", [3, 6]],
    ["norm.weight", [6]],
    ["norm.bias", [6]],
    ["bn.var", [4]],
  ] as const)
    named(key).param({ key, shape });
  named("eps").constant({ values: [1e-5] });
  named("table").constant({ values: [0, -0, 1e-7, 2.5, -3, 4], shape: [6] });
  return graph;
}

/** Adds one value, unless the op refuses the operands or a size would vanish. */
function grow(graph: Graph, { make, picks, path, rules }: Step): void {
  const values = [...graph.values()];
  const moving = values.filter((v) => !v.isWeight);
  const pick = (i: number): Value => at((picks[3] ?? 0) % 4 === 0 ? values : moving, picks[i] ?? 0);
  const like = (i: number, x: Value): Value =>
    at(
      values.filter((v) => v.type.dtype === x.type.dtype && (v.type.shape.length === 0 || sameType(v.type, x.type))),
      picks[i] ?? 0,
    );
  try {
    const made = at(makers, make)(builder(graph, { path, rules }), pick(0), (i, x) => like(i, x), pick(1), picks);
    const sizes = made.type.shape.map((d) => substituteDim(d, symbols));
    const fits = sizes.every((d) => isStatic(d) && d > 0) && count(sizes.filter(isStatic)) < 5000;
    if (!fits) graph.erase(made);
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
  }
}

type Maker = (b: Builder, x: Value, like: (i: number, x: Value) => Value, y: Value, picks: readonly number[]) => Value;

const weight = (b: Builder, key: string, shape: readonly number[]): Value => b.param({ key, shape });
const halved = (d: Dim): Dim => floorDivDim(d, 2);

const makers: readonly Maker[] = [
  (b, x, like) => b.add(x, like(1, x)),
  (b, x, like) => b.mul(x, like(1, x)),
  (b, x, like) => b.sub(x, like(1, x)),
  (b, x, like) => b.maximum(x, like(1, x)),
  (b, x, like) => b.where(b.less(x, like(1, x)), x, like(2, x)),
  (b, x, _, y) => b.div(x, y),
  (b, x) => b.activation(x, { kind: "gelu" }),
  (b, x) => b.activation(x, { kind: "leaky_relu", alpha: 0.01 }),
  (b, x) => b.clamp(x, { low: -1.5 }),
  (b, x) => b.abs(x),
  (b, x) => b.cast(x, { to: "i32" }),
  (b, x) => b.softmax(x),
  (b, x) => b.softmax(x, { axis: 1 }),
  (b, x, _, __, [n = 0]) => b.reduce_mean(x, { axes: [-1 - (n % 2)], keep: n % 3 === 0 }),
  (b, x) => b.reduce_max(x, { axes: [0, 1] }),
  (b, x, like) => b.concat([x, like(1, x), like(2, x)], { axis: -1 }),
  (b, x) => b.transpose(x, { perm: x.type.shape.map((_, i, all) => all.length - 1 - i) }),
  (b, x) => b.reshape(x, { shape: [...x.type.shape, 1] }),
  (b, x) => b.expand(x, { shape: [2, ...x.type.shape] }),
  (b, x) => b.slice(x, { axis: -1, range: [0, halved(x.type.shape.at(-1) ?? 0)] }),
  (b, x) => b.slice(x, { axis: 0, range: [0, x.type.shape[0] ?? 0], step: 2 }),
  (b, x) => b.roll(x, { axis: -1, shift: -2 }),
  (b, x, _, __, picks) => windows(b, x, picks),
  (b, x) => b.pad(x, { padding: x.type.shape.flatMap(() => [1, 0]), value: Number.NEGATIVE_INFINITY }),
  (b, x) => b.pad(x, { padding: x.type.shape.flatMap(() => [0, 1]), value: Number.NaN }),
  (b, x) => b.gather(x, b.constant({ values: [0, 0], dtype: "i64", shape: [2] }), { axis: -1 }),
  (b, x) => b.conv(x, weight(b, "k", [6, 4, 3, 2]), undefined, { ...window, dilation: [1, 1] }),
  (b, x) => b.conv(x, weight(b, "k", [4, 1, 1, 1]), weight(b, "b", [4]), { ...window, dilation: [1, 1], groups: 4 }),
  (b, x, like, _, picks) => b.add(normed(b, x, picks, true), like(1, x)),
  (b, x, _, __, picks) => normed(b, x, picks, false),
  (b, x, _, __, picks) => b.activation(normed(b, x, picks, false), { kind: "relu" }),
  (b, x, _, __, picks) => {
    const made = normed(b, x, picks, false);
    const conv = made.operands[0] ?? made;
    return b.concat([made, conv, conv], { axis: 0 });
  },
  (b, x) => batchNorm(b, x, "lone"),
  (b, x, _, __, picks) => behindAffine(b, x, picks),
  (b, x, like, _, picks) => fusable(b, x, like, picks),
  (b, x) => gated(b, x),
  (b, x) => headed(b, x),
  // Several times, for each stands for many.
  ...Array.from({ length: 4 }, (): Maker => projection),
  (b, x, _, __, [, , n = 0]) => at(movements, n)(b, x, n >> 1),
  (b, x) => b.max_pool(x, { ...window, kernel: [2, 2] }),
  (b, x) => b.avg_pool(x, { ...window, kernel: [3, 3], ceil: true, count_include_pad: false }),
  (b, x) => b.resize(x, { axes: [-1], size: [4], mode: "cubic", antialias: true }),
  (b, x) => b.linear(x, weight(b, "l", [5, 6]), undefined),
  (b, x) => b.layer_norm(x, weight(b, "w", [6]), undefined, { eps: 1e-6 }),
  (b, x) => b.rms_norm(x, undefined, { eps: 1e-6 }),
  (b, x) => b.group_norm(x, undefined, undefined, { groups: 2 }),
  (b, x) => b.attention(x, x, x, undefined, { scale: 0.125 }),
  (b, x, _, __, picks) => projected(b, x, picks),
  (b, x, _, __, picks) => recurrent(b, x, picks),
  (b, x, _, y) => b.matmul(x, y),
  (b) => b.iota({ shape: [2, 3], axis: 1, dtype: "f32" }),
  (b, x, _, __, [, , n = 0]) => entry(b, x, n),
  (b, x, _, __, [, , n = 0]) => entry(b, attended(b, x, n), n),
  (b, x, _, __, [, , n = 0]) => entry(b, attended(b, attended(b, x, n), n), n >> 1),
];

function projection(b: Builder, x: Value, _: unknown, __: Value, [, , n = 0]: readonly number[]): Value {
  return at(projections, n)(b, x, Math.floor(n / projections.length));
}

/** Rows of 16 numbers in windows of a rolled map, and sometimes back. */
function windows(b: Builder, x: Value, [, shift = 0, n = 0]: readonly number[]): Value {
  const [batch = 1, ...rest] = x.type.shape;
  const mean = b.reduce_mean(x, { axes: rest.map((_, i) => i + 1) });
  const map = b.mul(b.reshape(mean, { shape: [batch, 1, 1, 1] }), weight(b, "rows", [4, 6, 16]));
  const rolled = b.roll(b.roll(map, { axis: 1, shift }), { axis: 2, shift: -shift });
  const cells = b.transpose(b.reshape(rolled, { shape: [batch, 2, 2, 2, 3, 16] }), { perm: [0, 1, 3, 2, 4, 5] });
  return n % 2 === 0 ? cells : b.roll(b.reshape(cells, { shape: [batch, 4, 6, 16] }), { axis: 1, shift: 1 });
}

/** One entry of the last axis or of the one before. */
function entry(b: Builder, x: Value, n: number): Value {
  const axis = Math.max(0, x.type.shape.length - 1 - (n % 2));
  const extent = x.type.shape[axis] ?? 1;
  const i = isStatic(extent) ? (n >> 2) % extent : 0;
  return b.slice(x, { axis, range: [i, i + 1] });
}

/** A block of a transformer over the last two axes, as [..., 6] to [..., 6], with a packed projection. */
function attended(b: Builder, x: Value, n: number): Value {
  const normal = b.layer_norm(x, weight(b, "w", [6]), undefined, { eps: 1e-6 });
  const square = weight(b, "proj", [6, 6]);
  const packed = b.linear(normal, weight(b, "qkv", [18, 6]), undefined);
  const [q = x, k = x, v = x] = [0, 6, 12].map((from) => b.slice(packed, { axis: -1, range: [from, from + 6] }));
  const bias = n % 3 === 0 ? b.slice(x, { axis: -1, range: [0, 1] }) : undefined;
  const mixed = b.attention(q, k, v, bias, { scale: 0.4 });
  const y = b.add(x, b.linear(mixed, square, weight(b, "proj.bias", [6])));
  return b.add(y, b.activation(b.linear(y, square, undefined), { kind: "gelu" }));
}

/** Attention over the last axis but one, whose queries come from a projection, packed with keys and values or alone. */
function projected(b: Builder, x: Value, [, , n = 0]: readonly number[]): Value {
  const made = b.linear(x, weight(b, "qkv", [12, 6]), n % 3 === 0 ? undefined : weight(b, "qkv.bias", [12]));
  const part = (i: number): Value => b.slice(made, { axis: -1, range: [4 * i, 4 * i + 4] });
  const split = (y: Value): Value => b.reshape(y, { shape: [...y.type.shape.slice(0, -1), 2, 2] });
  if (n % 2 === 0) return b.attention(split(part(0)), split(part(1)), split(part(2)), undefined, { scale: 0.3 });
  const q = b.reshape(b.linear(x, weight(b, "q", [6, 6]), undefined), { shape: x.type.shape });
  return b.attention(q, x, x, undefined, { scale: 0.5 });
}

/** A recurrent layer over the last axis but one of [..., 6], both ways or one way, with and without bias. */
function recurrent(b: Builder, x: Value, [, , n = 0]: readonly number[]): Value {
  const d = 1 + (n % 2);
  const steps = b.reshape(x, { shape: [mulDim(...x.type.shape.slice(0, -2)), ...x.type.shape.slice(-2)] });
  const bias = n % 3 === 0 ? undefined : weight(b, `lstm.b${d}`, [d, 16]);
  const matrices = [weight(b, `lstm.w${d}`, [d, 8, 6]), weight(b, `lstm.r${d}`, [d, 8, 2])] as const;
  return b.lstm(steps, ...matrices, bias, { direction: d === 1 ? "forward" : "bidirectional" });
}

/** A convolution of groups, with and without bias, that keeps the type of [N, 4, H, W] where `same`, and its norm. */
function normed(b: Builder, x: Value, [, , n = 0]: readonly number[], same: boolean): Value {
  const groups = at([1, 2, 4], n);
  const outputs = same ? 4 : at([4, 8], n >> 2);
  const bias = n % 2 === 0 ? weight(b, `cb${outputs}`, [outputs]) : undefined;
  const kernel = weight(b, `c${groups}.${outputs}`, [outputs, 4 / groups, 3, 3]);
  const geometry = { stride: same ? [1, 1] : [2, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups };
  return batchNorm(b, b.conv(x, kernel, bias, geometry), `bn${outputs}`);
}

/** A convolution, padded or not and of groups, that reads its input scaled and shifted by channel. */
function behindAffine(b: Builder, x: Value, [, , n = 0]: readonly number[]): Value {
  const [pad, groups] = [n % 2, at([1, 2], n >> 1)];
  const vector = (name: string): Value => weight(b, `affine.${name}`, [Number(x.type.shape[1]), 1, 1]);
  const shifted = b.sub(b.div(x, vector("divisor")), vector("shift"));
  const read = n % 3 === 0 ? b.mul(shifted, vector("gain")) : shifted;
  const kernel = weight(b, `affine.c${groups}`, [4, 4 / groups, 3, 3]);
  return b.conv(read, kernel, undefined, { stride: [1, 1], padding: [pad, pad, pad, pad], dilation: [1, 1], groups });
}

/** A convolution of one pixel, with a sum, an activation or both after it. */
function fusable(b: Builder, x: Value, like: (i: number, x: Value) => Value, [, , n = 0]: readonly number[]): Value {
  const point = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
  const conv = b.conv(x, weight(b, "point", [4, 4, 1, 1]), undefined, point);
  const sum = n % 3 === 0 ? conv : b.add(conv, like(1, x));
  return n % 3 === 1 ? sum : b.activation(sum, { kind: at(["relu", "hard_swish", "silu"], n >> 2) });
}

/** Attention of two heads, with a projection of the queries, over rows of weights that each image's mean shifts. */
function headed(b: Builder, x: Value): Value {
  const [batch = 1, ...rest] = x.type.shape;
  const mean = b.reshape(b.reduce_mean(x, { axes: rest.map((_, i) => i + 1) }), { shape: [batch, 1, 1] });
  const tokens = b.add(mean, weight(b, "tokens", [1, 4, 6]));
  const heads = (rows: Value): Value =>
    b.transpose(b.reshape(rows, { shape: [batch, 4, 2, 3] }), { perm: [0, 2, 1, 3] });
  const query = b.linear(tokens, weight(b, "query", [6, 6]), undefined);
  const mixed = b.attention(heads(query), heads(tokens), heads(tokens), undefined, { scale: 0.5 });
  return b.reshape(b.transpose(mixed, { perm: [0, 2, 1, 3] }), { shape: [batch, 4, 6] });
}

/** A squeeze-excite of a small map. */
function gated(b: Builder, x: Value): Value {
  const point = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
  const part = b.resize(x, { axes: [2, 3], size: [3, 2], mode: "nearest" });
  const map = b.conv(part, weight(b, "point", [4, 4, 1, 1]), undefined, point);
  const mean = b.reduce_mean(map, { axes: [2, 3], keep: true });
  const gate = b.conv(mean, weight(b, "point", [4, 4, 1, 1]), undefined, point);
  return b.mul(map, b.activation(gate, { kind: "sigmoid" }));
}

const window = { stride: [2, 1], padding: [1, 1, 1, 1] };

/** Redirects the uses of a value to an earlier one of its type, then drops it. */
function edit(graph: Graph, n: number): void {
  const values = [...graph.values()];
  const old = at(values, n);
  const by = values.slice(0, values.indexOf(old)).find((v) => sameType(v.type, old.type));
  if (by !== undefined) graph.replaceUses(old, by);
  if (graph.useCount(old) === 0) graph.erase(old);
}

/** Numbers in [-1, 1] that depend on the name and the position alone; indices count up. */
export const environment: Environment = {
  symbols,
  input: numbers,
  param: numbers,
};

function numbers(name: string, type: StaticType): ReturnType<typeof ndarray> {
  const salt = [...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 9973, 7);
  const data = Float64Array.from({ length: count(type.shape) }, (_, i) =>
    type.dtype === "f32" ? Math.sin(salt + 12.9898 * i) : i % 3,
  );
  return ndarray(type.dtype, type.shape, data);
}
