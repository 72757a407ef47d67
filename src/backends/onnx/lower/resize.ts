import { type Dim, isStatic, sameDim, scaleDim } from "../../../ir/dim.ts";
import type { Lowering } from "./context.ts";
import { float, int, string } from "./context.ts";

/**
 * torch's grids by ONNX's names. Nearest takes floor(i from / to). Antialiasing drops the taps outside of the input and
 * normalises the rest, as exclude_outside does; its bicubic coefficient is -0.5, the plain one -0.75.
 */
export const resize: Lowering<"resize"> = ({ operands, type, attrs }, c) => {
  const { mode, antialias, align_corners } = attrs;
  const from = operands[0]?.type.shape ?? [];
  const grid = mode === "nearest" ? "asymmetric" : align_corners ? "align_corners" : "half_pixel";
  const scales = exactScales(from, type.shape);
  const size = scales === undefined ? ["", "", c.shape(type.shape)] : ["", c.floats(scales)];
  return c.emit("Resize", [c.input(0), ...size], {
    mode: string(mode),
    coordinate_transformation_mode: string(grid),
    nearest_mode: mode === "nearest" ? string("floor") : undefined,
    cubic_coeff_a: mode === "cubic" ? float(antialias ? -0.5 : -0.75) : undefined,
    antialias: antialias ? int(1) : undefined,
    exclude_outside: antialias ? int(1) : undefined,
  });
};

/** Scales say the same as sizes where every ratio is a float32 that multiplies back exactly; they need no symbols. */
function exactScales(from: readonly Dim[], to: readonly Dim[]): number[] | undefined {
  const scales = from.map((d, i) => ratio(d, to[i] ?? d));
  return scales.every((s) => s !== undefined) ? scales : undefined;
}

/** to / from where float32 holds it and from times it is to; for symbolic extents only whole numbers are looked for. */
export function ratio(from: Dim, to: Dim): number | undefined {
  if (isStatic(from) && isStatic(to)) {
    const scale = to / from;
    return Math.fround(scale) === scale && scale * from === to ? scale : undefined;
  }
  if (isStatic(from) || isStatic(to)) return undefined;
  const scale = (to.terms[0]?.coefficient ?? 0) / (from.terms[0]?.coefficient ?? 1);
  return Number.isInteger(scale) && sameDim(scaleDim(from, scale), to) ? scale : undefined;
}
