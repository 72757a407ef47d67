import type { OpName } from "../../../ir/ops/index.ts";
import type { Value } from "../../../ir/value.ts";
import { type Expr, type Local, binary, literal, localValue, reduce, select, unary, within } from "../expr.ts";
import { type Index, type Variable, add, div, indexOf, offset, scale, variable } from "../index-expr.ts";
import type { TileStatement } from "../tile.ts";
import { type Source, everywhere } from "./point.ts";
import { broadcastIndex } from "./shape.ts";

/**
 * An op that sums: one kernel, with what goes ahead of it and behind it. The result at `index` is `value`, once the
 * statements have run; an axis that is `passed` is looped over at the end, for each value of the others.
 */
export interface Root {
  /** An axis for each of the result's. */
  readonly axes: readonly Variable[];
  readonly statements: readonly TileStatement[];
  readonly value: Expr;
  readonly passed?: Variable;
}

type RootOf = (operands: readonly Source[], value: Value, shape: readonly number[]) => Root;

const f32 = (name: string, axes: readonly Variable[]): Local => ({ name, dtype: "f32", lanes: 1, axes });
const mul = (x: Expr, y: Expr): Expr => binary("mul", x, y);
const plus = (x: Expr, y: Expr): Expr => binary("add", x, y);
const minus = (x: Expr, y: Expr): Expr => binary("sub", x, y);

/** Axes named by their letters, `b0`, `b1` ... where there are more. */
const axesOf = (shape: readonly number[], names: readonly string[]): Variable[] =>
  shape.map((extent, i) => variable(names[i - shape.length + names.length] ?? `b${i}`, extent));

const given = <T>(x: T | undefined): T => {
  if (x === undefined) throw new RangeError("an operand is missing");
  return x;
};

const conv: RootOf = ([x, weight, bias], value, shape) => {
  const { stride, padding, dilation, groups } = value.attrs as {
    stride: number[];
    padding: number[];
    dilation: number[];
    groups: number;
  };
  const [input, kernel] = [given(x), given(weight)];
  const spatial = shape.length - 2;
  const names = ["z", "y", "x"].slice(3 - spatial);
  const axes = [
    variable("n", shape[0] ?? 1),
    variable("o", shape[1] ?? 1),
    ...names.map((name, i) => variable(name, shape[i + 2] ?? 1)),
  ];
  const [n, o, ...space] = axes.map(indexOf);
  const perGroup = kernel.shape[1] ?? 1;
  const c = variable("c", perGroup);
  const windows = names.map((name, i) => variable(`k${name}`, kernel.shape[i + 2] ?? 1));
  const places = space.map((at, i) =>
    offset(add(scale(at, stride[i] ?? 1), scale(indexOf(given(windows[i])), dilation[i] ?? 1)), -(padding[i] ?? 0)),
  );
  const mask = places.reduce((m, at, i) => binary("and", m, within(at, input.shape[i + 2] ?? 1)), everywhere);
  const group = div(given(o), (shape[1] ?? 1) / groups);
  const channel = add(scale(group, perGroup), indexOf(c));
  const element = select(mask, input.at([given(n), channel, ...places], mask), literal(0));
  const factor = kernel.at([given(o), indexOf(c), ...windows.map(indexOf)], everywhere);
  const sum = reduce("add", [...windows, c], mul(element, factor));
  return { axes, statements: [], value: bias === undefined ? sum : plus(sum, bias.at([given(o)], everywhere)) };
};

const linear: RootOf = ([x, weight, bias], _, shape) => {
  const axes = axesOf(shape, ["b", "m", "o"]);
  const index = axes.map(indexOf);
  const c = variable("c", given(weight).shape[1] ?? 1);
  const o = given(index.at(-1));
  const element = given(x).at([...index.slice(0, -1), indexOf(c)], everywhere);
  const sum = reduce("add", [c], mul(element, given(weight).at([o, indexOf(c)], everywhere)));
  return { axes, statements: [], value: bias === undefined ? sum : plus(sum, bias.at([o], everywhere)) };
};

const matmul: RootOf = ([x, y], _, shape) => {
  const axes = axesOf(shape, ["b", "m", "o"]);
  const index = axes.map(indexOf);
  const [a, b] = [given(x), given(y)];
  const c = variable("c", a.shape.at(-1) ?? 1);
  const [m, o] = [given(index.at(-2)), given(index.at(-1))];
  const lead = index.slice(0, -2);
  const left = a.at([...broadcastIndex(lead, a.shape.slice(0, -2)), m, indexOf(c)], everywhere);
  const right = b.at([...broadcastIndex(lead, b.shape.slice(0, -2)), indexOf(c), o], everywhere);
  return { axes, statements: [], value: reduce("add", [c], mul(left, right)) };
};

/** Softmax with a running maximum, so that no row of scores is kept (Milakov and Gimelshein 2018; Dao et al. 2022). */
const attention: RootOf = ([q, k, v, bias], value, shape) => {
  const { scale: factor } = value.attrs as { scale: number };
  const axes = axesOf(shape, ["h", "m", "e"]);
  const rows = axes.slice(0, -1);
  const index = axes.map(indexOf);
  const lead = index.slice(0, -2);
  const [m, e] = [given(index.at(-2)), given(index.at(-1))];
  const [query, key, values] = [given(q), given(k), given(v)];
  const s = variable("s", key.shape.at(-2) ?? 1);
  const d = variable("d", key.shape.at(-1) ?? 1);
  const [top, total, sum] = [f32("top", rows), f32("total", rows), f32("sum", axes)];
  const [score, next, share, shrink] = [
    f32("score", [...rows, s]),
    f32("next", rows),
    f32("share", [...rows, s]),
    f32("shrink", rows),
  ];
  const product = reduce(
    "add",
    [d],
    mul(query.at([...lead, m, indexOf(d)], everywhere), key.at([...lead, indexOf(s), indexOf(d)], everywhere)),
  );
  const scaled = mul(product, literal(factor));
  const biased =
    bias === undefined
      ? scaled
      : plus(scaled, bias.at(broadcastIndex([...lead, m, indexOf(s)], bias.shape), everywhere));
  const l = localValue;
  const loop: TileStatement = {
    kind: "loop",
    axis: s,
    carried: [
      { local: top, init: literal(-3e38), next: l(next) },
      { local: total, init: literal(0), next: plus(mul(l(total), l(shrink)), reduce("add", [s], l(share))) },
      {
        local: sum,
        init: literal(0),
        next: plus(
          mul(l(sum), l(shrink)),
          reduce("add", [s], mul(l(share), values.at([...lead, indexOf(s), e], everywhere))),
        ),
      },
    ],
    body: [
      { kind: "let", local: score, value: biased },
      { kind: "let", local: next, value: binary("max", l(top), reduce("max", [s], l(score))) },
      { kind: "let", local: share, value: unary("exp", minus(l(score), l(next))) },
      { kind: "let", local: shrink, value: unary("exp", minus(l(top), l(next))) },
    ],
  };
  return { axes, statements: [loop], value: binary("div", l(sum), l(total)) };
};

/** A row of the last axis several times: sums first, then each element. */
function rowwise(
  shape: readonly number[],
  axis: number,
  of: (
    at: (pass: number) => { axis: Variable; index: readonly Index[] },
    rows: readonly Variable[],
  ) => { statements: TileStatement[]; value: Expr },
): Root {
  const axes = axesOf(shape, ["b", "m", "c"]).map((v, i) =>
    i === axis ? variable("c.0", v.extent) : v.name === "c" ? variable("x", v.extent) : v,
  );
  const rows = axes.filter((_, i) => i !== axis);
  const at = (pass: number): { axis: Variable; index: readonly Index[] } => {
    const own = variable(`c.${pass}`, shape[axis] ?? 1);
    return { axis: own, index: axes.map((v, i) => indexOf(i === axis ? own : v)) };
  };
  const { statements, value } = of(at, rows);
  return { axes, statements, value, passed: given(axes[axis]) };
}

const layerNorm: RootOf = ([x, weight, bias], value, shape) => {
  const { eps } = value.attrs as { eps: number };
  const width = shape.at(-1) ?? 1;
  return rowwise(shape, shape.length - 1, (at, rows) => {
    const element = (pass: number): Expr => given(x).at(at(pass).index, everywhere);
    const [mean, factor] = [f32("mean", rows), f32("factor", rows)];
    const apart = (pass: number): Expr => minus(element(pass), localValue(mean));
    const over = (sum: Expr): Expr => mul(sum, literal(1 / width));
    const variance = over(reduce("add", [at(2).axis], mul(apart(2), apart(2))));
    const c = given(at(0).index.at(-1));
    const scaled = mul(apart(0), localValue(factor));
    const weighted = weight === undefined ? scaled : mul(scaled, weight.at([c], everywhere));
    return {
      statements: [
        { kind: "let", local: mean, value: over(reduce("add", [at(1).axis], element(1))) },
        { kind: "let", local: factor, value: unary("rsqrt", plus(variance, literal(eps))) },
      ],
      value: bias === undefined ? weighted : plus(weighted, bias.at([c], everywhere)),
    };
  });
};

const softmax: RootOf = ([x], value, shape) => {
  const { axis } = value.attrs as { axis: number };
  return rowwise(shape, axis, (at, rows) => {
    const [top, total] = [f32("top", rows), f32("total", rows)];
    const share = (pass: number): Expr => unary("exp", minus(given(x).at(at(pass).index, everywhere), localValue(top)));
    return {
      statements: [
        { kind: "let", local: top, value: reduce("max", [at(1).axis], given(x).at(at(1).index, everywhere)) },
        { kind: "let", local: total, value: reduce("add", [at(2).axis], share(2)) },
      ],
      value: binary("div", share(0), localValue(total)),
    };
  });
};

const pool =
  (op: "add" | "max"): RootOf =>
  ([x], value, shape) => {
    const {
      kernel,
      stride,
      padding,
      count_include_pad: counted = true,
    } = value.attrs as {
      kernel: number[];
      stride: number[];
      padding: number[];
      count_include_pad?: boolean;
    };
    const source = given(x);
    const names = ["z", "y", "x"].slice(3 - kernel.length);
    const axes = [
      variable("n", shape[0] ?? 1),
      variable("o", shape[1] ?? 1),
      ...names.map((name, i) => variable(name, shape[i + 2] ?? 1)),
    ];
    const [n, o, ...space] = axes.map(indexOf);
    const windows = names.map((name, i) => variable(`k${name}`, kernel[i] ?? 1));
    const places = space.map((at, i) =>
      offset(add(scale(at, stride[i] ?? 1), indexOf(given(windows[i]))), -(padding[i] ?? 0)),
    );
    const extents = source.shape.slice(2);
    const inside = (margin: (i: number) => number): Expr =>
      places.reduce(
        (m, at, i) =>
          binary("and", m, within(offset(at, margin(i) === 0 ? 0 : (padding[i] ?? 0)), (extents[i] ?? 1) + margin(i))),
        everywhere,
      );
    const mask = inside(() => 0);
    const element = source.at([given(n), given(o), ...places], mask);
    if (op === "max")
      return { axes, statements: [], value: reduce("max", windows, select(mask, element, literal(-3.0e38))) };
    const rank = kernel.length;
    const seen = counted ? inside((i) => (padding[i] ?? 0) + (padding[i + rank] ?? 0)) : mask;
    const sum = reduce("add", windows, select(mask, element, literal(0)));
    const whole = seen.kind === "literal";
    const size = whole
      ? literal(kernel.reduce((a, b) => a * b, 1))
      : reduce("add", windows, select(seen, literal(1), literal(0)));
    return { axes, statements: [], value: binary("div", sum, size) };
  };

const reduction =
  (op: "add" | "max", mean: boolean): RootOf =>
  ([x], value, shape) => {
    const { axes: summed, keep } = value.attrs as { axes: number[]; keep: boolean };
    const source = given(x);
    const axes = axesOf(shape, ["n", "m", "o"]);
    let next = 0;
    const over: Variable[] = [];
    const index = source.shape.map((extent, i) => {
      if (!summed.includes(i)) return indexOf(given(axes[next++]));
      if (keep) next++;
      const axis = variable(`r${i}`, extent);
      over.push(axis);
      return indexOf(axis);
    });
    const sum = reduce(op, over, source.at(index, everywhere));
    const n = over.reduce((count, axis) => count * axis.extent, 1);
    return { axes, statements: [], value: mean ? mul(sum, literal(1 / n)) : sum };
  };

const roots: { readonly [N in OpName]?: RootOf } = {
  attention,
  avg_pool: pool("add"),
  conv,
  layer_norm: layerNorm,
  linear,
  matmul,
  max_pool: pool("max"),
  reduce_max: reduction("max", false),
  reduce_mean: reduction("add", true),
  reduce_sum: reduction("add", false),
  softmax,
};

export const rootOf = (op: OpName): RootOf | undefined => roots[op];
