import { count } from "../../../../src/ir/type.ts";
import type { Attrs } from "../../../../src/ir/value.ts";
import { type Draw, N, type OpCase, type Subject, body, cases } from "./case.ts";

/** Two axes of an image, which ONNX Runtime resizes in every mode, or some axes of another tensor. */
function image(d: Draw): OpCase {
  const plane = d.int(0, 2) > 0;
  const rank = plane ? 4 : d.int(2, 5);
  const first = plane ? 2 : d.int(1, rank - 1);
  const axes = first === rank - 1 || (!plane && d.flag()) ? [first] : d.of([first, first + 1], [first + 1, first]);
  const mode = d.of("nearest", "linear", "cubic");
  const antialias = mode !== "nearest" && d.flag();
  const align_corners = mode !== "nearest" && !antialias && d.flag();
  const rest = d.ints(rank - 1, 1, plane ? 9 : 5);
  const size = axes.map((axis) => (d.flag() ? (rest[axis - 1] ?? 1) * d.int(1, 3) : d.int(1, 14)));
  return { operands: [body([N, ...rest])], attrs: { axes, size, mode, antialias, align_corners } };
}

const resize: Subject<Attrs<"resize">> = {
  tolerance: "contraction",
  cases: cases(image),
  hand: (m, { names: [x = ""], arrays: [array], attrs, result }) => {
    const { axes, size, mode, antialias, align_corners } = attrs;
    const others = result.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const perm = [...others, ...axes];
    const lead = others.map((i) => result.shape[i] ?? 1);
    const [height = 1, width = 1] = axes.map((i) => array?.shape[i] ?? 1);
    const [tall = 1, wide = 1] = size.map(Number);
    const moved = m.op("Reshape", [m.op("Transpose", [x], { perm }), m.ints([1, count(lead), height, width])]);
    const grid = mode === "nearest" ? "asymmetric" : align_corners ? "align_corners" : "half_pixel";
    const resized = m.op("Resize", [moved, "", "", m.ints([1, count(lead), tall, wide])], {
      mode,
      coordinate_transformation_mode: grid,
      nearest_mode: "floor",
      cubic_coeff_a: { float: antialias ? -0.5 : -0.75 },
      antialias: antialias ? 1 : 0,
      exclude_outside: antialias ? 1 : 0,
    });
    const inverse = perm.map((_, i) => perm.indexOf(i));
    return m.op("Transpose", [m.op("Reshape", [resized, m.ints([...lead, ...size.map(Number)])])], { perm: inverse });
  },
};

export const resizes = { resize } as const satisfies Record<string, Subject<never>>;
