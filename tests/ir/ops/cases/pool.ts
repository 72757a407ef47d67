import type { Attrs } from "../../../../src/ir/value.ts";
import type { HandModel } from "../hand-model.ts";
import { type Concrete, type Draw, N, type OpCase, type Subject, body, cases } from "./case.ts";

/** Windows with padding up to half of the kernel, as torch allows, and often an overhang. */
function pool(d: Draw): OpCase {
  const axes = d.int(1, 2);
  const kernel = d.ints(axes, 1, 4);
  const pads = kernel.map((k) => d.int(0, Math.floor(k / 2)));
  const after = d.flag() ? pads : kernel.map((k) => d.int(0, Math.floor(k / 2)));
  const ceil = d.flag();
  const stride = d.ints(axes, 1, 3);
  const space = kernel.map((k, i) => {
    const least = k - (pads[i] ?? 0) - (after[i] ?? 0) - (ceil ? (stride[i] ?? 1) - 1 : 0);
    return d.int(Math.max(least, 1), k + 5);
  });
  return {
    operands: [body([N, d.int(1, 3), ...space])],
    attrs: { kernel, stride, padding: [...pads, ...after], ceil },
  };
}

type Geometry = Concrete<Attrs<"max_pool">>;

/** Extents of x with the result's last window whole, and pads that give them. */
function reach({ arrays, attrs, result }: Geometry) {
  const { kernel, stride, padding } = attrs;
  const space = arrays[0]?.shape.slice(2) ?? [];
  const ends = kernel.map((k, i) => ((result.shape[i + 2] ?? 1) - 1) * (stride[i] ?? 1) + k);
  const before = padding.slice(0, kernel.length);
  const after = ends.map((end, i) => end - (space[i] ?? 0) - (before[i] ?? 0));
  return { space, ends, before, after };
}

/** Surrounds x so that windows need neither padding nor overhang; negative pads crop what no window reaches. */
function surround(m: HandModel, c: Geometry, fill: number): string {
  const { before, after } = reach(c);
  return m.op("Pad", [c.names[0] ?? "", m.ints([0, 0, ...before, 0, 0, ...after]), m.floats([fill], [])]);
}

const max_pool: Subject<Attrs<"max_pool">> = {
  tolerance: "exact",
  cases: cases(pool),
  hand: (m, c) => m.op("MaxPool", [surround(m, c, -3e38)], { kernel_shape: c.attrs.kernel, strides: c.attrs.stride }),
};

/** The sum over a window by a convolution with ones, over how many of its positions count. */
const avg_pool: Subject<Attrs<"avg_pool">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const { operands, attrs } = pool(d);
    return { operands, attrs: { ...attrs, count_include_pad: d.flag() } };
  }),
  hand: (m, c) => {
    const { attrs, arrays } = c;
    const { space, ends, before } = reach(c);
    const channels = arrays[0]?.shape[1] ?? 1;
    const ones = m.full([channels, 1, ...attrs.kernel], 1);
    const sum = m.op("Conv", [surround(m, c, 0), ones], { strides: attrs.stride, group: channels });
    const counts = (at: readonly number[]) =>
      at.every((i, d) => {
        const [lead = 0, extent = 0, after = 0] = [before[d], space[d], attrs.padding[d + space.length]];
        return attrs.count_include_pad ? i < lead + extent + after : i >= lead && i < lead + extent;
      });
    const mask = m.floats(
      indices(ends).map((at) => (counts(at) ? 1 : 0)),
      [1, 1, ...ends],
    );
    const divisor = m.op("Conv", [mask, m.full([1, 1, ...attrs.kernel], 1)], { strides: attrs.stride });
    return m.op("Div", [sum, divisor]);
  },
};

/** Every index of a shape in row-major order. */
const indices = (shape: readonly number[]): number[][] =>
  shape.reduce<number[][]>((all, d) => all.flatMap((at) => Array.from({ length: d }, (_, i) => [...at, i])), [[]]);

export const pools = { avg_pool, max_pool } as const satisfies Record<string, Subject<never>>;
