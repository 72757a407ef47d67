import type { OnnxAttribute, OnnxDType, OnnxModel, OnnxNode, OnnxValueInfo } from "../../../src/backends/onnx/model.ts";
import { irVersionOf, onnxDTypes, tensorByteLength } from "../../../src/backends/onnx/model.ts";
import type { Initializer } from "../../../src/backends/onnx/writer.ts";
import { modelFile } from "../../../src/backends/onnx/writer.ts";

/** A valid use of one operator, from which a model of one node is made. */
export interface Sample {
  readonly op: string;
  /** Absent for the standard operators. */
  readonly domain?: string;
  readonly operands: readonly Operand[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  /** Dtype and rank of each result. */
  readonly results: readonly (readonly [OnnxDType, number])[];
  /** The opsets at which the sample is valid; all of them when absent. */
  readonly from?: number;
  readonly to?: number;
}

/** A graph input, an initializer where there are `values`, an absent operand where it is undefined. */
export type Operand =
  | undefined
  | { readonly dtype: OnnxDType; readonly dims: readonly number[]; readonly values?: number[] };

export const x = (dtype: OnnxDType, ...dims: number[]): Operand => ({ dtype, dims });
export const f = (...dims: number[]): Operand => x("f32", ...dims);
const c = (dtype: OnnxDType, values: number[], dims: number[] = [values.length]): Operand => ({ dtype, dims, values });
const i64 = (...values: number[]): Operand => c("i64", values);
const int = (value: number): OnnxAttribute => ({ kind: "int", value });
const ints = (...value: number[]): OnnxAttribute => ({ kind: "ints", value });
const float = (value: number): OnnxAttribute => ({ kind: "float", value });
const text = (value: string): OnnxAttribute => ({ kind: "string", value });

function sample(
  op: string,
  operands: readonly Operand[],
  attributes: Sample["attributes"],
  results: string,
  [from, to]: readonly [number?, number?] = [],
): Sample {
  const parsed = results.split(" ").map((word): [OnnxDType, number] => {
    const [name = "", rank = ""] = word.split(":");
    return [onnxDTypes.find((dtype) => dtype === name) ?? "f64", Number(rank)];
  });
  return { op, operands, attributes, results: parsed, ...(from && { from }), ...(to && { to }) };
}

const contrib = "com.microsoft";
const ours = (...given: Parameters<typeof sample>): Sample => ({ ...sample(...given), domain: contrib });

/** A constant with one value everywhere. */
const full = (dtype: OnnxDType, value: number, dims: number[]): Operand =>
  c(
    dtype,
    Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => value),
    dims,
  );
const weight = (...dims: number[]): Operand => full("f32", 0.25, dims);
const bytes = (dtype: OnnxDType, ...dims: number[]): Operand => full(dtype, 2, dims);

const image = f(1, 4, 6, 6);
const channels = c("f32", [1, 2, 3, 4]);
const scale = c("f32", [0.5], []);
const u8 = c("u8", [3], []);
const window = { kernel_shape: ints(2, 2), strides: ints(2, 2), pads: ints(0, 0, 0, 0), auto_pad: text("NOTSET") };
const unary = (ops: string, attributes: Sample["attributes"] = {}, range?: readonly [number?, number?]): Sample[] =>
  ops.split(" ").map((op) => sample(op, [f(2, 3)], attributes, "f32:2", range));
const binary = (ops: string, operand: Operand, result: string): Sample[] =>
  ops.split(" ").map((op) => sample(op, [operand, operand], {}, result));
const reduce = (op: string): Sample[] => [
  sample(op, [image], { axes: ints(2, 3), keepdims: int(1) }, "f32:4", [17, 17]),
  sample(op, [image, i64(2, 3)], { keepdims: int(0), noop_with_empty_axes: int(0) }, "f32:2", [18]),
];

export const samples: readonly Sample[] = [
  ...unary("Sqrt Reciprocal Neg Abs Sign Exp Log Erf Sin Cos Tan Atan Floor Ceil Round Relu Sigmoid HardSwish Tanh"),
  ...unary("Softplus Softsign Identity"),
  ...unary("LeakyRelu Elu Celu ThresholdedRelu", { alpha: float(0.5) }),
  ...unary("Selu", { alpha: float(1.5), gamma: float(1) }),
  ...unary("HardSigmoid", { alpha: float(0.1), beta: float(0.5) }),
  ...unary("Mish", {}, [18]),
  ...unary("Gelu", { approximate: text("tanh") }, [20]),
  ...unary("Softmax LogSoftmax", { axis: int(1) }),
  ...unary("LpNormalization", { axis: int(1), p: int(2) }),
  ...binary("Add Sub Mul Div Pow Min Max Sum PRelu", f(2, 3), "f32:2"),
  ...binary("Equal Less LessOrEqual Greater GreaterOrEqual", f(2, 3), "bool:2"),
  ...binary("And Or Xor", x("bool", 2, 3), "bool:2"),
  ...binary("MatMul", f(3, 3), "f32:2"),
  ..."ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp"
    .split(" ")
    .flatMap(reduce),
  sample("ReduceSum", [image, i64(2, 3)], { keepdims: int(0) }, "f32:2"),
  sample("ReduceSum", [image], { keepdims: int(1) }, "f32:4"),
  sample(
    "Gemm",
    [f(2, 3), weight(4, 3), channels],
    { alpha: float(1), beta: float(1), transA: int(0), transB: int(1) },
    "f32:2",
  ),
  sample("Einsum", [f(2, 3), f(3, 4)], { equation: text("ij,jk->ik") }, "f32:2"),
  sample("Mod", [x("i64", 3), i64(2, 2, 2)], { fmod: int(0) }, "i64:1"),
  sample("Clip", [image, scale, undefined], {}, "f32:4"),
  sample("Clip", [image, undefined, scale], {}, "f32:4"),
  sample("IsNaN", [image], {}, "bool:4"),
  sample("IsInf", [image], { detect_negative: int(1), detect_positive: int(0) }, "bool:4"),
  sample("Not", [x("bool", 2)], {}, "bool:1"),
  sample("Where", [x("bool", 3), f(2, 3), f(1, 3)], {}, "f32:2"),
  sample("ArgMax", [image], { axis: int(1), keepdims: int(0), select_last_index: int(0) }, "i64:3"),
  sample("ArgMin", [image], { axis: int(1), keepdims: int(1) }, "i64:4"),
  sample("CumSum", [image, c("i64", [1], [])], { exclusive: int(0), reverse: int(1) }, "f32:4"),
  sample("TopK", [f(2, 5), i64(2)], { axis: int(1), largest: int(1), sorted: int(1) }, "f32:2 i64:2"),

  sample(
    "Conv",
    [image, weight(2, 4, 3, 3), weight(2)],
    { dilations: ints(1, 1), group: int(1), pads: ints(1, 1, 1, 1) },
    "f32:4",
  ),
  sample(
    "Conv",
    [image, weight(8, 1, 3, 3)],
    { group: int(4), auto_pad: text("SAME_UPPER"), strides: ints(2, 2) },
    "f32:4",
  ),
  sample("ConvTranspose", [image, weight(4, 2, 2, 2)], { strides: ints(2, 2), output_padding: ints(0, 0) }, "f32:4"),
  sample("MaxPool", [image], { ...window, ceil_mode: int(1), dilations: ints(1, 1) }, "f32:4"),
  sample("MaxPool", [image], { ...window, storage_order: int(0) }, "f32:4 i64:4"),
  sample("AveragePool", [image], { ...window, ceil_mode: int(0), count_include_pad: int(1) }, "f32:4"),
  sample("AveragePool", [image], { ...window, dilations: ints(1, 1) }, "f32:4", [19]),
  sample("LpPool", [image], { ...window, p: int(2) }, "f32:4"),
  sample("LpPool", [image], { ...window, ceil_mode: int(1) }, "f32:4", [18]),
  sample("GlobalAveragePool", [image], {}, "f32:4"),
  sample("GlobalMaxPool", [image], {}, "f32:4"),
  sample("BatchNormalization", [image, channels, channels, channels, channels], { epsilon: float(1e-3) }, "f32:4"),
  sample("InstanceNormalization", [image, channels, channels], { epsilon: float(1e-3) }, "f32:4"),
  sample("LayerNormalization", [f(2, 3, 4), channels, channels], { axis: int(-1), epsilon: float(1e-6) }, "f32:3"),
  sample("LayerNormalization", [f(2, 3, 4), channels], { stash_type: int(1) }, "f32:3"),
  sample(
    "GroupNormalization",
    [image, channels, channels],
    { num_groups: int(2), epsilon: float(1e-5) },
    "f32:4",
    [21],
  ),
  sample("RMSNormalization", [f(2, 3, 4), channels], { axis: int(-1), epsilon: float(1e-6) }, "f32:3", [23]),
  sample("Dropout", [image, scale], { seed: int(1) }, "f32:4"),
  sample(
    "LSTM",
    [f(3, 1, 4), weight(1, 8, 4), weight(1, 8, 2), undefined],
    { hidden_size: int(2), direction: text("forward") },
    "f32:4",
  ),
  sample(
    "Attention",
    [f(1, 2, 4, 8), f(1, 2, 4, 8), f(1, 2, 4, 8)],
    { is_causal: int(0), scale: float(0.5) },
    "f32:4",
    [23],
  ),
  sample("RotaryEmbedding", [f(1, 2, 4, 8), weight(1, 4, 4), weight(1, 4, 4)], { interleaved: int(1) }, "f32:4", [23]),

  sample("Reshape", [image, i64(1, -1)], { allowzero: int(0) }, "f32:2"),
  sample("Transpose", [image], { perm: ints(0, 2, 3, 1) }, "f32:4"),
  sample("Flatten", [image], { axis: int(1) }, "f32:2"),
  sample("Squeeze", [image, i64(0)], {}, "f32:3"),
  sample("Unsqueeze", [image, i64(0)], {}, "f32:5"),
  sample("Shape", [image], { start: int(2), end: int(4) }, "i64:1"),
  sample("Size", [image], {}, "i64:0"),
  sample("Concat", [image, image], { axis: int(1) }, "f32:4"),
  sample("Split", [image, i64(1, 3)], { axis: int(1) }, "f32:4 f32:4"),
  sample("Split", [image], { axis: int(1), num_outputs: int(2) }, "f32:4 f32:4", [18]),
  sample("Slice", [image, i64(1), i64(3), i64(2), i64(1)], {}, "f32:4"),
  sample("Gather", [image, i64(0, 1)], { axis: int(1) }, "f32:4"),
  sample("GatherElements", [f(2, 2), c("i64", [0, 1, 1, 0], [2, 2])], { axis: int(1) }, "f32:2"),
  sample("GatherND", [f(2, 2), c("i64", [0, 1], [1, 2])], { batch_dims: int(0) }, "f32:1"),
  sample(
    "ScatterElements",
    [f(2, 2), c("i64", [0], [1, 1]), weight(1, 1)],
    { axis: int(1), reduction: text("add") },
    "f32:2",
  ),
  sample("ScatterND", [f(2, 2), c("i64", [0, 1], [1, 2]), weight(1)], { reduction: text("none") }, "f32:2"),
  sample("ScatterND", [f(2, 2), c("i64", [0, 1], [1, 2]), weight(1)], { reduction: text("max") }, "f32:2", [18]),
  sample("Expand", [f(1, 3), i64(2, 3)], {}, "f32:2"),
  sample("Tile", [f(1, 3), i64(2, 3)], {}, "f32:2"),
  sample("Pad", [f(2, 3), i64(0, 1, 0, 1), scale], { mode: text("constant") }, "f32:2"),
  sample("Pad", [f(2, 3), i64(1, 1), undefined, i64(1)], { mode: text("reflect") }, "f32:2", [18]),
  sample("Pad", [f(2, 3), i64(1, 1), undefined, i64(1)], { mode: text("wrap") }, "f32:2", [19]),
  sample("Trilu", [f(3, 3)], { upper: int(0) }, "f32:2"),
  sample("SpaceToDepth", [image], { blocksize: int(2) }, "f32:4"),
  sample("DepthToSpace", [image], { blocksize: int(2), mode: text("CRD") }, "f32:4"),
  sample(
    "Resize",
    [image, undefined, c("f32", [1, 1, 2, 2])],
    { mode: text("nearest"), nearest_mode: text("floor") },
    "f32:4",
  ),
  sample(
    "Resize",
    [image, undefined, undefined, i64(1, 4, 9, 9)],
    { mode: text("cubic"), cubic_coeff_a: float(-0.5), coordinate_transformation_mode: text("half_pixel") },
    "f32:4",
  ),
  sample(
    "Resize",
    [image, undefined, undefined, i64(3, 3)],
    { mode: text("linear"), antialias: int(1), axes: ints(2, 3) },
    "f32:4",
    [18],
  ),
  sample("GridSample", [image, f(1, 2, 2, 2)], { mode: text("bilinear"), align_corners: int(1) }, "f32:4", [17, 19]),
  sample("GridSample", [image, f(1, 2, 2, 2)], { mode: text("linear"), padding_mode: text("border") }, "f32:4", [20]),
  sample("Cast", [image], { to: int(7) }, "i64:4"),
  sample("Cast", [x("i64", 2)], { to: int(1) }, "f32:1"),
  sample("CastLike", [image, i64(0)], {}, "i64:4"),
  sample("Constant", [], { value_ints: ints(1, 2) }, "i64:1"),
  sample("Constant", [], { value_float: float(1.5) }, "f32:0"),
  sample(
    "Constant",
    [],
    { value: { kind: "tensor", value: { dtype: "u8", dims: [2], bytes: Uint8Array.of(1, 2) } } },
    "u8:1",
  ),
  sample("ConstantOfShape", [i64(2, 3)], {}, "f32:2"),
  sample(
    "ConstantOfShape",
    [i64(2)],
    { value: { kind: "tensor", value: { dtype: "i32", dims: [1], bytes: Uint8Array.of(7, 0, 0, 0) } } },
    "i32:1",
  ),
  sample("EyeLike", [f(3, 3)], { dtype: int(7), k: int(1) }, "i64:2"),
  sample("Range", [c("i64", [0], []), c("i64", [4], []), c("i64", [1], [])], {}, "i64:1"),

  sample("QuantizeLinear", [image, scale, u8], { axis: int(1) }, "u8:4"),
  sample("QuantizeLinear", [image, scale], {}, "u8:4"),
  sample("QuantizeLinear", [image, scale], { output_dtype: int(3) }, "i8:4", [21]),
  sample("DequantizeLinear", [x("u8", 2, 3), scale, u8], { axis: int(1) }, "f32:2"),
  sample("DynamicQuantizeLinear", [image], {}, "u8:4 f32:0 u8:0"),
  sample("MatMulInteger", [x("u8", 2, 3), bytes("i8", 3, 4), u8], {}, "i32:2"),
  sample("ConvInteger", [x("u8", 1, 4, 6, 6), bytes("u8", 2, 4, 3, 3), u8], { pads: ints(1, 1, 1, 1) }, "i32:4"),
  sample(
    "QLinearConv",
    [x("u8", 1, 4, 6, 6), scale, u8, bytes("u8", 2, 4, 3, 3), scale, u8, scale, u8],
    { group: int(1) },
    "u8:4",
  ),
  sample("QLinearMatMul", [x("u8", 2, 3), scale, u8, bytes("u8", 3, 4), scale, u8, scale, u8], {}, "u8:2"),

  ours("Gelu", [f(2, 3)], {}, "f32:2"),
  ours("FastGelu", [f(2, 3)], {}, "f32:2"),
  ours("FastGelu", [f(2, 3), f(3)], {}, "f32:2"),
  ours("QuickGelu", [f(2, 3)], { alpha: float(1.5) }, "f32:2"),
  ours("FusedConv", [image, weight(2, 4, 3, 3)], { activation: text("Relu") }, "f32:4"),
  ours(
    "FusedConv",
    [image, weight(4, 4, 1, 1), undefined, image],
    { group: int(1), activation: text("Clip"), activation_params: { kind: "floats", value: [0, 6] } },
    "f32:4",
  ),
];

export interface Built {
  readonly model: OnnxModel;
  readonly initializers: readonly Initializer[];
}

/** The model that holds the sample as its only node. */
export function buildSample({ op, domain, operands, attributes, results }: Sample, opset: number): Built {
  const names = operands.map((operand, index) => (operand === undefined ? "" : `in${index}`));
  const given = operands.flatMap((operand, index) =>
    operand === undefined ? [] : [{ ...operand, name: `in${index}` }],
  );
  const node: OnnxNode = {
    opType: op,
    ...(domain !== undefined && { domain }),
    name: "node",
    inputs: names,
    outputs: results.map((_, i) => `out${i}`),
    attributes,
  };
  return {
    model: graphOf({
      opset,
      nodes: [node],
      inputs: given
        .filter(({ values }) => values === undefined)
        .map(({ name, dtype, dims }) => ({ name, dtype, shape: dims })),
      outputs: results.map(([dtype, rank], i) => ({
        name: `out${i}`,
        dtype,
        shape: Array.from({ length: rank }, (_, axis) => `d${i}_${axis}`),
      })),
    }),
    initializers: given.flatMap(({ name, dtype, dims, values }) =>
      values === undefined ? [] : [{ header: { name, dtype, dims }, bytes: () => pack(dtype, values) }],
    ),
  };
}

export function graphOf(parts: {
  readonly opset: number;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
}): OnnxModel {
  const { opset, nodes, inputs, outputs } = parts;
  return {
    irVersion: irVersionOf(opset),
    opsetImports: [
      { domain: "", version: opset },
      ...(nodes.some((node) => node.domain === contrib) ? [{ domain: contrib, version: 1 }] : []),
    ],
    producer: { name: "timmc", version: "test" },
    graphName: "sample",
    nodes,
    inputs,
    outputs,
    valueInfo: [],
    metadata: [],
  };
}

/** Little-endian bytes of small whole numbers and of the floats among f32. */
export function pack(dtype: OnnxDType, values: readonly number[]): Uint8Array {
  const bytesEach = tensorByteLength({ dtype, dims: [1] });
  const view = new DataView(new ArrayBuffer(values.length * bytesEach));
  for (const [index, value] of values.entries()) {
    const at = index * bytesEach;
    if (dtype === "f32") view.setFloat32(at, value, true);
    else if (dtype === "f64") view.setFloat64(at, value, true);
    else if (bytesEach === 8) view.setBigInt64(at, BigInt(value), true);
    else if (bytesEach === 4) view.setInt32(at, value, true);
    else if (bytesEach === 2) view.setInt16(at, value, true);
    else view.setInt8(at, value);
  }
  return new Uint8Array(view.buffer);
}

/** The file as one array. */
export function fileOf({ model, initializers }: Built): Uint8Array {
  return Buffer.concat(Array.from(modelFile(model, initializers), (part) => Uint8Array.from(part)));
}
