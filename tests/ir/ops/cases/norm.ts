import type { Attrs } from "../../../../src/ir/value.ts";
import { type Draw, N, type OperandSpec, type Subject, body, cases, weight } from "./case.ts";

const optional = (d: Draw, n: number): OperandSpec | undefined => (d.flag() ? weight([n]) : undefined);

const batch_norm: Subject<Attrs<"batch_norm">> = {
  tolerance: "normalisation",
  cases: cases((d) => {
    const c = d.int(1, 5);
    const vector = weight([c]);
    return {
      operands: [
        body([N, c, ...d.ints(d.int(0, 3), 1, 4)]),
        vector,
        vector,
        vector,
        weight([c], { low: 0.1, high: 3 }),
      ],
      attrs: { eps: d.of(1e-5, 1e-3) },
    };
  }),
  hand: (m, { names, attrs }) => m.op("BatchNormalization", names, { epsilon: { float: attrs.eps } }),
};

const layer_norm: Subject<Attrs<"layer_norm">> = {
  tolerance: "normalisation",
  cases: cases((d) => {
    const c = d.int(4, 9);
    return {
      operands: [body([...d.shape(1, 3), c]), optional(d, c), optional(d, c)],
      attrs: { eps: d.of(1e-6, 1e-2) },
    };
  }),
  hand: (m, { names: [x = "", scale = "", bias = ""], attrs, result }) =>
    m.op("LayerNormalization", [x, scale === "" ? m.full([result.shape.at(-1) ?? 1], 1) : scale, bias], {
      axis: -1,
      epsilon: { float: attrs.eps },
    }),
};

const rms_norm: Subject<Attrs<"rms_norm">> = {
  tolerance: "normalisation",
  cases: cases((d) => {
    const c = d.int(1, 9);
    return { operands: [body([...d.shape(1, 3), c]), optional(d, c)], attrs: { eps: d.of(1e-6, 1e-2) } };
  }),
  hand: (m, { names: [x = "", scale = ""], attrs, result }) =>
    m.op("RMSNormalization", [x, scale === "" ? m.full([result.shape.at(-1) ?? 1], 1) : scale], {
      axis: -1,
      epsilon: { float: attrs.eps },
    }),
};

const group_norm: Subject<Attrs<"group_norm">> = {
  tolerance: "normalisation",
  cases: cases((d) => {
    const groups = d.int(1, 3);
    const c = groups * d.int(1, 3);
    return {
      operands: [body([N, c, ...d.ints(d.int(1, 2), 4, 6)]), optional(d, c), optional(d, c)],
      attrs: { groups, eps: d.of(1e-5, 1e-2) },
    };
  }),
  hand: (m, { names: [x = "", scale = "", bias = ""], attrs, result }) => {
    const c = result.shape[1] ?? 1;
    const vectors = [scale === "" ? m.full([c], 1) : scale, bias === "" ? m.full([c], 0) : bias];
    return m.op("GroupNormalization", [x, ...vectors], { num_groups: attrs.groups, epsilon: { float: attrs.eps } });
  },
};

const softmax: Subject<Attrs<"softmax">> = {
  tolerance: "transcendental",
  cases: cases((d) => {
    const shape = d.shape(1, 4, 6);
    return { operands: [body(shape, { low: -20, high: 20 })], attrs: { axis: d.int(-shape.length, shape.length - 1) } };
  }),
  hand: (m, { names, attrs }) => m.op("Softmax", names, { axis: attrs.axis }),
};

export const norms = { batch_norm, group_norm, layer_norm, rms_norm, softmax } as const satisfies Record<
  string,
  Subject<never>
>;
