import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";

/**
 * Sines and cosines of the row, then of the column, from 0 to 2 pi over the map, [1, 2 bands, height, width]: neighbouring
 * channels are the sine and the cosine of one frequency (timm's PositionalEncodingFourier; XCiT, EdgeNeXt).
 */
export function fourierPositions(s: Scope, [height, width]: readonly [Dim, Dim], bands: number): Value {
  const why = "positions are a table for a known size";
  const [h, w] = [s.static(height, why), s.static(width, why)];
  return s.shared(`${bands} Fourier bands of ${h}x${w}`, () => {
    const channel = s.iota({ axis: 1, shape: [1, bands, 1, 1] });
    const two = s.scalar(2, "i64");
    const pair = s.cast(s.floor_div(channel, two), { to: "f32" });
    const frequency = s.exp(s.mul(pair, s.scalar((-2 * Math.log(10_000)) / bands)));
    const isSine = s.equal(s.mod(channel, two), s.scalar(0, "i64"));
    const along = (axis: 2 | 3, extent: number): Value => {
      const shape = axis === 2 ? [1, 1, extent, 1] : [1, 1, 1, extent];
      const at = s.add(s.cast(s.iota({ axis, shape }), { to: "f32" }), s.scalar(1));
      const angle = s.mul(s.mul(at, s.scalar((2 * Math.PI) / (extent + 1e-6))), frequency);
      return s.expand(s.where(isSine, s.sin(angle), s.cos(angle)), { shape: [1, bands, h, w] });
    };
    return s.concat([along(2, h), along(3, w)], { axis: 1 });
  });
}
