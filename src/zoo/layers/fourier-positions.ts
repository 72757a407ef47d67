import { type Dim, isStatic, printDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import { extent } from "./extent.ts";

/**
 * Sines and cosines of the row, then of the column, from 0 to 2 pi over the map, [1, 2 bands, height, width]: neighbouring
 * channels are the sine and the cosine of one frequency (timm's PositionalEncodingFourier; XCiT, EdgeNeXt).
 */
export function fourierPositions(s: Scope, [height, width]: readonly [Dim, Dim], bands: number): Value {
  return s.shared(`${bands} Fourier bands of ${printDim(height)}x${printDim(width)}`, () => {
    const channel = s.iota({ axis: 1, shape: [1, bands, 1, 1] });
    const two = s.scalar(2, "i64");
    const pair = s.cast(s.floor_div(channel, two), { to: "f32" });
    const frequency = s.exp(s.mul(pair, s.scalar((-2 * Math.log(10_000)) / bands)));
    const isSine = s.equal(s.mod(channel, two), s.scalar(0, "i64"));
    const turn = (length: Dim): Value =>
      isStatic(length)
        ? s.scalar((2 * Math.PI) / (length + 1e-6))
        : s.div(s.scalar(2 * Math.PI), s.add(extent(s, length, "f32"), s.scalar(1e-6)));
    const along = (axis: 2 | 3, length: Dim): Value => {
      const shape = axis === 2 ? [1, 1, length, 1] : [1, 1, 1, length];
      const at = s.add(s.cast(s.iota({ axis, shape }), { to: "f32" }), s.scalar(1));
      const angle = s.mul(s.mul(at, turn(length)), frequency);
      return s.expand(s.where(isSine, s.sin(angle), s.cos(angle)), { shape: [1, bands, height, width] });
    };
    return s.concat([along(2, height), along(3, width)], { axis: 1 });
  });
}
