import { binary, literal, localValue, reduce, unary, minus, mul, plus } from "../expr.ts";
import { indexOf, variable } from "../index-expr.ts";
import type { TileStatement } from "../tile.ts";
import { type RootOf, axesOf, f32, given } from "./parts.ts";
import { everywhere } from "./point.ts";
import { broadcastIndex } from "./shape.ts";

/** Below every score, and so that its difference to one, times log2 e, is a number. */
const lowest = -1e30;

/** Softmax with a running maximum, so that no row of scores is kept (Milakov and Gimelshein 2018; Dao et al. 2022). */
export const attention: RootOf = ([q, k, v, bias], value, shape) => {
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
      { local: top, init: literal(lowest), next: l(next) },
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
