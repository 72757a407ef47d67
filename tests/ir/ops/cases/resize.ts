import type { Attrs } from "../../../../src/ir/value.ts";
import { type Draw, N, type OpCase, type Subject, body, cases } from "./case.ts";

/** Two axes of an image, which ONNX Runtime resizes in every mode. */
function plane(d: Draw): OpCase {
  const mode = d.of("nearest", "linear", "cubic");
  const antialias = mode !== "nearest" && d.flag();
  const space = d.ints(2, 1, 9);
  const size = d.flag() ? space.map((extent) => extent * d.int(1, 3)) : d.ints(2, 1, 14);
  const align_corners = mode !== "nearest" && !antialias && d.flag();
  return {
    operands: [body([N, d.int(1, 2), ...space])],
    attrs: { axes: [2, 3], size, mode, antialias, align_corners },
  };
}

const resize: Subject<Attrs<"resize">> = {
  tolerance: "contraction",
  cases: cases(plane),
  hand: (m, { names: [x = ""], attrs, result }) => {
    const { mode, antialias, align_corners } = attrs;
    const grid = mode === "nearest" ? "asymmetric" : align_corners ? "align_corners" : "half_pixel";
    return m.op("Resize", [x, "", "", m.ints(result.shape)], {
      mode,
      coordinate_transformation_mode: grid,
      nearest_mode: "floor",
      cubic_coeff_a: { float: antialias ? -0.5 : -0.75 },
      antialias: antialias ? 1 : 0,
      exclude_outside: antialias ? 1 : 0,
    });
  },
};

export const resizes = { resize } as const satisfies Record<string, Subject<never>>;
