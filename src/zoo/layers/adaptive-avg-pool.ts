import { type Dim, addDim, isStatic } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";
import { extent } from "./extent.ts";

/**
 * torch's adaptive average pool of NCHW maps to a given size, finer ones included: along each axis, output i is the mean
 * over floor(i in / out) to ceil((i + 1) in / out). It is separable, so each axis is a product with a matrix of means.
 */
export const adaptiveAvgPool =
  ([height, width]: Pair): Module =>
  (s, x) => {
    const [, , h = 0, w = 0] = x.type.shape;
    if (isStatic(h) && isStatic(w) && h % height === 0 && w % width === 0) {
      const kernel = [h / height, w / width];
      return h === height && w === width
        ? x
        : s.avg_pool(x, { kernel, stride: kernel, padding: [0, 0, 0, 0], ceil: false, count_include_pad: true });
    }
    const columns = w === width ? x : s.matmul(x, means(s, w, width, 1));
    return h === height ? columns : s.matmul(means(s, h, height, 0), columns);
  };

/** The matrix of means from `from` positions to `to` bins, with the bins along `axis`. */
function means(s: Scope, from: Dim, to: number, axis: 0 | 1): Value {
  const int = (value: Dim): Value => extent(s, value);
  const bin = s.iota({ axis, shape: axis === 0 ? [to, 1] : [1, to] });
  const position = s.iota({ axis: axis === 0 ? 1 : 0, shape: axis === 0 ? [1, from] : [from, 1] });
  const start = s.floor_div(s.mul(bin, int(from)), int(to));
  const end = s.floor_div(s.add(s.mul(bin, int(from)), int(addDim(from, to - 1))), int(to));
  const share = s.div(s.scalar(1), s.cast(s.sub(end, start), { to: "f32" }));
  const before = s.where(s.less(position, end), share, s.scalar(0));
  return s.where(s.less(position, start), s.scalar(0), before);
}
