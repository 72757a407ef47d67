import type { Dim } from "../../../../src/ir/dim.ts";
import type { Attrs } from "../../../../src/ir/value.ts";
import type { HandModel } from "../hand-model.ts";
import { type Concrete, type Draw, N, type Subject, body, cases, weight } from "./case.ts";

/** Spatial extents that hold a window. */
export function windowed(d: Draw, axes: number): { space: number[]; kernel: number[]; dilation: number[] } {
  const kernel = d.ints(axes, 1, 3);
  const dilation = d.ints(axes, 1, 2);
  return { kernel, dilation, space: kernel.map((k, i) => (k - 1) * (dilation[i] ?? 1) + d.int(1, 5)) };
}

const conv: Subject<Attrs<"conv">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const axes = d.int(1, 3);
    const { space, kernel, dilation } = windowed(d, axes);
    const [groups, inputs, outputs] = [d.int(1, 3), d.int(1, 3), d.int(1, 3)];
    const bias = d.flag() ? weight([groups * outputs]) : undefined;
    return {
      operands: [body([N, groups * inputs, ...space]), weight([groups * outputs, inputs, ...kernel]), bias],
      attrs: { stride: d.ints(axes, 1, 3), padding: d.ints(2 * axes, 0, 2), dilation, groups },
    };
  }),
  hand: (m, { names, attrs: { stride, padding, dilation, groups } }) =>
    m.op("Conv", withoutTrailingBlank(names), { strides: stride, pads: padding, dilations: dilation, group: groups }),
};

const fusedConv: Subject<Attrs<"fused_conv">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const axes = d.int(1, 3);
    const { space, kernel, dilation } = windowed(d, axes);
    const [groups, inputs, outputs] = [d.int(1, 2), d.int(1, 3), d.int(1, 3)];
    const [stride, padding] = [d.ints(axes, 1, 3), d.ints(2 * axes, 0, 2)];
    const extents = space.map((extent, i) => {
      const reach = (dilation[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1;
      return Math.floor((extent + (padding[i] ?? 0) + (padding[i + axes] ?? 0) - reach) / (stride[i] ?? 1)) + 1;
    });
    const x = body([N, groups * inputs, ...space]);
    const bias = d.flag() ? weight([groups * outputs]) : undefined;
    const addend = d.flag() ? body([N, groups * outputs, ...extents]) : undefined;
    const kind = d.of("identity", "relu", "relu6", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid", "hard_swish");
    return {
      operands: [x, weight([groups * outputs, inputs, ...kernel]), bias, addend],
      attrs: { stride, padding, dilation, groups, kind, alpha: kind === "leaky_relu" ? 0.25 : 0 },
    };
  }),
  hand: (m, { names: [x = "", w = "", bias = "", addend = ""], attrs }) => {
    const { stride, padding, dilation, groups, kind } = attrs;
    const geometry = { strides: stride, pads: padding, dilations: dilation, group: groups };
    const made = m.op("Conv", withoutTrailingBlank([x, w, bias]), geometry);
    const sum = addend === "" ? made : m.op("Add", [made, addend]);
    switch (kind) {
      case "relu":
        return m.op("Relu", [sum]);
      case "relu6":
        return m.op("Clip", [sum, m.full([], 0), m.full([], 6)]);
      case "leaky_relu":
        return m.op("LeakyRelu", [sum], { alpha: { float: 0.25 } });
      case "sigmoid":
        return m.op("Sigmoid", [sum]);
      case "tanh":
        return m.op("Tanh", [sum]);
      case "hard_sigmoid":
        return m.op("HardSigmoid", [sum], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
      case "hard_swish":
        return m.op("HardSwish", [sum]);
      default:
        return sum;
    }
  },
};

const packedAttention: Subject<Attrs<"packed_attention">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const [heads, n, m, width, other] = d.ints(5, 1, 4) as [number, number, number, number, number];
    const scores: Dim[] = [N, heads, n, m];
    // Operators differ in what they spread: half of the biases have every row and column.
    const whole = d.flag();
    const spread = scores.map((extent, i) => ((whole && i >= 2) || d.flag() ? extent : 1));
    const bias = d.flag() ? body(spread.slice(d.int(0, whole ? 2 : 4))) : undefined;
    return {
      operands: [body([N, n, heads * width]), body([N, m, heads * width]), body([N, m, heads * other]), bias],
      attrs: { heads, scale: 0.5 },
    };
  }),
  hand: (m, { names: [q = "", k = "", v = "", bias = ""], arrays, attrs: { heads, scale }, result }) => {
    const split = (x: string, i: number, perm: readonly number[]): string => {
      const [b = 0, t = 0, c = 0] = arrays[i]?.shape ?? [];
      return m.op("Transpose", [m.op("Reshape", [x, m.ints([b, t, heads, c / heads])])], { perm });
    };
    const products = m.op("MatMul", [split(q, 0, [0, 2, 1, 3]), split(k, 1, [0, 2, 3, 1])]);
    const scaled = m.op("Mul", [products, m.full([], scale)]);
    const weights = m.op("Softmax", [bias === "" ? scaled : m.op("Add", [scaled, bias])], { axis: -1 });
    const mixed = m.op("MatMul", [weights, split(v, 2, [0, 2, 1, 3])]);
    return m.op("Reshape", [m.op("Transpose", [mixed], { perm: [0, 2, 1, 3] }), m.ints(result.shape)]);
  },
};

const withoutTrailingBlank = (names: readonly string[]): readonly string[] =>
  names.at(-1) === "" ? names.slice(0, -1) : names;

const linear: Subject<Attrs<"linear">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const [inputs, outputs] = [d.int(1, 9), d.int(1, 9)];
    const lead = d.flag() ? [N] : d.shape(1, 3);
    return {
      operands: [body([...lead, inputs]), weight([outputs, inputs]), d.flag() ? weight([outputs]) : undefined],
      attrs: {},
    };
  }),
  hand: (m, { names: [x = "", w = "", bias = ""] }) => {
    const product = m.op("MatMul", [x, m.op("Transpose", [w], { perm: [1, 0] })]);
    return bias === "" ? product : m.op("Add", [product, bias]);
  },
};

const matmul: Subject<Attrs<"matmul">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const [rows, inner, columns] = d.ints(3, 1, 6) as [number, number, number];
    const lead = d.shape(1, 3, 3);
    const other = lead.map((extent) => (d.flag() ? 1 : extent)).slice(d.int(0, lead.length));
    return { operands: [body([...lead, rows, inner]), body([...other, inner, columns])], attrs: {} };
  }),
  hand: (m, { names }) => m.op("MatMul", names),
};

const attention: Subject<Attrs<"attention">> = {
  tolerance: "contraction",
  cases: cases((d) => {
    const lead = d.shape(1, 2, 3);
    const [n, keys, width, out] = d.ints(4, 1, 6) as [number, number, number, number];
    const scores: Dim[] = [...lead, n, keys];
    const biasShape = scores.map((extent, i) => (i === scores.length - 1 || d.flag() ? extent : 1)).slice(d.int(0, 2));
    return {
      operands: [
        body([...lead, n, width]),
        body([...lead, keys, width]),
        body([...lead, keys, out]),
        d.flag() ? body(biasShape) : undefined,
      ],
      attrs: { scale: d.of(0.125, 1, 0.7) },
    };
  }),
  hand: attentionOp,
};

/** Attention of opset 23 takes four axes, and a mask of all rows of the scores. */
function attentionOp(m: HandModel, { names, arrays, attrs, result }: Concrete<Attrs<"attention">>): string {
  const four = ([first = 1, ...rest]: readonly number[]) =>
    m.ints(rest.length === 2 ? [first, 1, ...rest] : [first, ...rest]);
  const [q = "", k = "", v = ""] = [0, 1, 2].map((i) =>
    m.op("Reshape", [names[i] ?? "", four(arrays[i]?.shape ?? [])]),
  );
  const scores = [...result.shape.slice(0, -1), arrays[1]?.shape.at(-2) ?? 1];
  const [bias = ""] = names.slice(3);
  const mask = bias === "" ? [] : [m.op("Reshape", [m.op("Expand", [bias, m.ints(scores)]), four(scores)])];
  return m.op("Reshape", [
    m.op("Attention", [q, k, v, ...mask], { scale: { float: attrs.scale } }),
    m.ints(result.shape),
  ]);
}

export const dense = {
  attention,
  conv,
  fused_conv: fusedConv,
  linear,
  matmul,
  packed_attention: packedAttention,
} as const satisfies Record<string, Subject<never>>;
