import { axes, bool, dims, oneOf } from "../attr.ts";
import { isStatic } from "../dim.ts";
import { type NdArray, at, ndarray } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";

/** Support and weight of a filter at unit scale. a is -0.75 for plain bicubic and -0.5 with antialiasing, as in torch. */
function filter(mode: "linear" | "cubic", antialias: boolean): { support: number; weight: (t: number) => number } {
  if (mode === "linear") return { support: 1, weight: (t) => Math.max(0, 1 - Math.abs(t)) };
  const a = antialias ? -0.5 : -0.75;
  return {
    support: 2,
    weight: (t) => {
      const x = Math.abs(t);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  };
}

export interface ResizeOptions {
  readonly mode: "nearest" | "linear" | "cubic";
  readonly antialias: boolean;
  readonly align_corners: boolean;
}

/**
 * The weights of one axis: row o lists (source index, weight) of output o. Without antialiasing taps beyond the border
 * repeat it; with antialiasing they are dropped and the rest is normalised, with the support scaled by in/out when
 * shrinking (torch.nn.functional.interpolate).
 */
export function resizeTaps(from: number, to: number, o: ResizeOptions): (readonly (readonly [number, number])[])[] {
  const scale = o.align_corners ? (to > 1 ? (from - 1) / (to - 1) : 0) : from / to;
  return Array.from({ length: to }, (_, i) => {
    if (o.mode === "nearest") return [[Math.floor((i * from) / to), 1]] as const;
    const { support, weight } = filter(o.mode, o.antialias);
    const stretch = o.antialias ? Math.max(scale, 1) : 1;
    const source = o.align_corners ? i * scale : (i + 0.5) * scale - 0.5;
    const taps = new Map<number, number>();
    for (let j = Math.floor(source - support * stretch); j <= Math.ceil(source + support * stretch); j++) {
      const w = weight((j - source) / stretch);
      if (w === 0 || (o.antialias && (j < 0 || j >= from))) continue;
      const inside = Math.min(Math.max(j, 0), from - 1);
      taps.set(inside, (taps.get(inside) ?? 0) + w);
    }
    const total = o.antialias ? [...taps.values()].reduce((s, w) => s + w, 0) : 1;
    return [...taps].map(([j, w]) => [j, w / total] as const);
  });
}

export const resize = defineOp({
  name: "resize",
  doc:
    "Interpolates some axes to new extents as torch.nn.functional.interpolate does: nearest (floor), linear or cubic, " +
    "with half-pixel centres unless align_corners. C1: axes exist and are distinct, as many extents as axes. C2: antialias needs linear or cubic and half-pixel centres, align_corners linear or cubic. C3: extents and sizes are at least 1.",
  operands: ["x"],
  attrs: {
    axes: axes(),
    size: dims(),
    mode: oneOf(["nearest", "linear", "cubic"]),
    antialias: bool(false),
    align_corners: bool(false),
  },
  infer: ({ x }, { axes, size, mode, antialias, align_corners }) => {
    need(
      axes.length === size.length &&
        new Set(axes).size === axes.length &&
        axes.every((a) => a >= 0 && a < x.shape.length),
      "C1",
      `axes [${axes.join(",")}] of rank ${x.shape.length}`,
    );
    need(mode !== "nearest" || !(antialias || align_corners), "C2", "nearest has neither antialias nor align_corners");
    need(
      [...size, ...axes.map((a) => x.shape[a] ?? 0)].every((d) => !isStatic(d) || d >= 1),
      "C3",
      "resizing needs at least one element before and after",
    );
    need(!(antialias && align_corners), "C2", "antialias has half-pixel centres");
    return tensor(
      x.dtype,
      x.shape.map((d, i) => size[axes.indexOf(i)] ?? d),
    );
  },
  evaluate: ({ x }, a) =>
    a.axes.reduce((y, axis, i) => {
      const to = a.size[i] ?? 1;
      need(isStatic(to), "C1", "a symbolic size has no value yet");
      return resizeAxis(y, axis, to, a);
    }, x),
});

function resizeAxis(x: NdArray, axis: number, to: number, options: ResizeOptions): NdArray {
  const from = x.shape[axis] ?? 1;
  const shape = x.shape.with(axis, to);
  const inner = count(shape.slice(axis + 1));
  const data = new Float64Array(count(shape));
  const rows = resizeTaps(from, to, options);
  for (let i = 0; i < data.length; i++) {
    const outer = Math.floor(i / (inner * to));
    let sum = 0;
    for (const [j, w] of rows[Math.floor(i / inner) % to] ?? [])
      sum += w * at(x, (outer * from + j) * inner + (i % inner));
    data[i] = sum;
  }
  return ndarray(x.dtype, shape, data);
}
