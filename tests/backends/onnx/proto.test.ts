import * as fc from "fast-check";
import onnxProto from "onnx-proto";
import { describe, expect, test } from "vitest";
import type { OnnxAttribute, OnnxDType, OnnxModel, OnnxValueInfo } from "../../../src/backends/onnx/model.ts";
import {
  dataTypeCode,
  dtypeOfCode,
  irVersionOf,
  onnxDTypes,
  supportedOpsets,
  tensorByteLength,
} from "../../../src/backends/onnx/model.ts";
import { decodeModel } from "../../../src/backends/onnx/proto.ts";
import type { Initializer } from "../../../src/backends/onnx/writer.ts";
import { dtypes } from "../../../src/ir/dtype.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { fileOf } from "./samples.ts";

const { onnx } = onnxProto;

const integer = fc.maxSafeInteger();
const float32 = fc.float({ noNaN: true });
const text = fc.string({ unit: "grapheme", maxLength: 8 });
const dtype = fc.constantFrom<OnnxDType>(...onnxDTypes);
const dims = fc.array(fc.nat({ max: 4 }), { maxLength: 3 });
const tensor = fc.tuple(dtype, dims).chain(([type, shape]) => {
  const length = tensorByteLength({ dtype: type, dims: shape });
  return fc.record({
    dtype: fc.constant(type),
    dims: fc.constant(shape),
    bytes: fc.uint8Array({ minLength: length, maxLength: length }),
  });
});

const attribute: fc.Arbitrary<OnnxAttribute> = fc.oneof(
  fc.record({ kind: fc.constant("int"), value: integer }),
  fc.record({ kind: fc.constant("ints"), value: fc.array(integer, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant("float"), value: float32 }),
  fc.record({ kind: fc.constant("floats"), value: fc.array(float32, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant("string"), value: text }),
  fc.record({ kind: fc.constant("strings"), value: fc.array(text, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant("tensor"), value: tensor }),
);

const valueInfo: fc.Arbitrary<OnnxValueInfo> = fc.record({
  name: text,
  dtype,
  shape: fc.array(
    fc.oneof(
      fc.nat(),
      text.filter((name) => name !== ""),
    ),
    { maxLength: 4 },
  ),
});
const values = fc.array(valueInfo, { maxLength: 3 });

const model: fc.Arbitrary<OnnxModel> = fc.record({
  irVersion: fc.constantFrom(8, 9, 10, 11),
  opsetImports: fc.array(fc.record({ domain: text, version: fc.nat() }), { maxLength: 2 }),
  producer: fc.record({ name: text, version: text }),
  graphName: text,
  nodes: fc.array(
    fc
      .record({
        opType: text,
        domain: fc.option(
          text.filter((name) => name !== ""),
          { nil: undefined },
        ),
        name: text,
        inputs: fc.array(text, { maxLength: 3 }),
        outputs: fc.array(text, { maxLength: 3 }),
        attributes: fc.dictionary(text, attribute, { maxKeys: 3, noNullPrototype: true }),
      })
      .map(({ domain, ...node }) => (domain === undefined ? node : { ...node, domain })),
    { maxLength: 3 },
  ),
  inputs: values,
  outputs: values,
  valueInfo: values,
  metadata: fc.array(fc.tuple(text, text), { maxLength: 2 }),
});

const initializers: fc.Arbitrary<(Initializer & { readonly data: Uint8Array })[]> = fc.array(
  fc
    .tuple(text, tensor)
    .map(([name, { bytes: data, ...type }]) => ({ header: { name, ...type }, data, bytes: () => data })),
  { maxLength: 3 },
);

describe("round trip", () => {
  test("any model and its initializers survive", () => {
    fc.assert(
      fc.property(model, initializers, (one, tensors) => {
        const decoded = decodeModel(fileOf({ model: one, initializers: tensors }));
        expect(decoded.model).toEqual(one);
        expect(decoded.initializers.map(({ header }) => header)).toEqual(tensors.map(({ header }) => header));
        expect(decoded.initializers.map(({ bytes }) => Buffer.from(bytes ?? []))).toEqual(
          tensors.map((one) => Buffer.from(one.data)),
        );
      }),
    );
  });

  test("the bytes do not depend on the order of a record's keys", () => {
    const a: OnnxAttribute = { kind: "int", value: 1 };
    const node = { opType: "Op", name: "n", inputs: [], outputs: [] };
    const file = (attributes: Record<string, OnnxAttribute>) =>
      fileOf({ model: { ...empty, nodes: [{ ...node, attributes }] }, initializers: [] });
    expect(file({ axis: a, beta: a })).toEqual(file({ beta: a, axis: a }));
  });

  test("arbitrary bytes are decoded or refused, and never end in another error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeModel(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(TimmcError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const empty: OnnxModel = {
  irVersion: 8,
  opsetImports: [{ domain: "", version: 17 }],
  producer: { name: "timmc", version: "0" },
  graphName: "g",
  nodes: [],
  inputs: [],
  outputs: [],
  valueInfo: [],
  metadata: [],
};

const foreign = (graph: onnxProto.onnx.IGraphProto, model: onnxProto.onnx.IModelProto = {}): Uint8Array =>
  onnx.ModelProto.encode({ irVersion: 8, graph, ...model }).finish();

const { AttributeType } = onnx.AttributeProto;
const attributed = (a: onnxProto.onnx.IAttributeProto): onnxProto.onnx.IGraphProto => ({
  node: [{ name: "n", opType: "Op", attribute: [{ name: "a", ...a }] }],
});

describe("decodeModel refuses", () => {
  test.each<readonly [string, Uint8Array, RegExp]>([
    ["what is not protobuf", Uint8Array.of(0x0a, 0xff), /not a protobuf message/],
    ["functions", foreign({}, { functions: [{ name: "f" }] }), /functions or training/],
    ["sparse initializers", foreign({ sparseInitializer: [{}] }), /sparse initializers/],
    ["subgraphs", foreign(attributed({ type: AttributeType.GRAPH, g: {} })), /attribute a has a type \(5\)/],
    ["untyped attributes", foreign(attributed({ i: 1 })), /attribute a has a type/],
    ["integers beyond 2^53", foreign(attributed({ type: AttributeType.INT, i: 2 ** 60 })), /2\^53/],
    ["text that is not UTF-8", foreign(attributed({ type: AttributeType.STRING, s: Buffer.of(0xff) })), /not UTF-8/],
    ["string tensors", foreign({ initializer: [{ name: "t", dataType: 8 }] }), /element type 8/],
    [
      "typed data",
      foreign({ initializer: [{ name: "t", dataType: 1, dims: [1], floatData: [1] }] }),
      /raw data do not fit/,
    ],
    [
      "short data",
      foreign({ initializer: [{ name: "t", dataType: 1, dims: [2], rawData: Buffer.alloc(4) }] }),
      /raw data/,
    ],
    ["negative dimensions", foreign({ initializer: [{ name: "t", dataType: 1, dims: [-1] }] }), /\[-1\]/],
    [
      "external data of another length",
      foreign({
        initializer: [
          { name: "t", dataType: 1, dims: [2], dataLocation: 1, externalData: [{ key: "length", value: "4" }] },
        ],
      }),
      /4 bytes of external data/,
    ],
    [
      "values of unknown rank",
      foreign({ input: [{ name: "x", type: { tensorType: { elemType: 1 } } }] }),
      /known rank/,
    ],
    [
      "unnamed dimensions",
      foreign({ input: [{ name: "x", type: { tensorType: { elemType: 1, shape: { dim: [{}] } } } }] }),
      /neither a size nor a name/,
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => decodeModel(bytes)).toThrow(message);
    expect(() => decodeModel(bytes)).toThrow(TimmcError);
  });

  test("a file above the limit", () => {
    expect(() => decodeModel(fileOf({ model: empty, initializers: [] }), { maxBytes: 10 })).toThrow(
      /above the limit of 10/,
    );
  });
});

describe("encoding refuses", () => {
  const refused = (change: Partial<OnnxModel>) => () => fileOf({ model: { ...empty, ...change }, initializers: [] });
  const withAttribute = (a: OnnxAttribute): Partial<OnnxModel> => ({
    nodes: [{ opType: "Op", name: "n", inputs: [], outputs: [], attributes: { a } }],
  });

  test.each<readonly [string, Partial<OnnxModel>, RegExp]>([
    ["a fraction", withAttribute({ kind: "int", value: 0.5 }), /0.5 is not a whole number/],
    ["an unsafe integer", withAttribute({ kind: "ints", value: [2 ** 53] }), /is not a whole number below/],
    [
      "a tensor of another length",
      withAttribute({ kind: "tensor", value: { dtype: "f32", dims: [2], bytes: new Uint8Array(4) } }),
      /takes 8 bytes, not 4/,
    ],
    ["a dimension that is no integer", { inputs: [{ name: "x", dtype: "f32", shape: [Number.NaN] }] }, /NaN/],
  ])("%s", (_, change, message) => {
    expect(refused(change)).toThrow(message);
  });
});

describe("element types", () => {
  test("have the codes of the format", () => {
    const codes = onnx.TensorProto.DataType;
    expect(dtypes.map(dataTypeCode)).toEqual([
      codes.DOUBLE,
      codes.FLOAT,
      codes.FLOAT16,
      codes.BFLOAT16,
      codes.INT64,
      codes.INT32,
      codes.UINT8,
      codes.INT8,
      22, // INT4, which onnx-proto lacks
      codes.BOOL,
    ]);
    for (const dtype of onnxDTypes) expect(dtypeOfCode(dataTypeCode(dtype))).toBe(dtype);
    expect(dtypeOfCode(codes.STRING)).toBeUndefined();
  });

  test("pack 4-bit integers two to a byte", () => {
    expect(tensorByteLength({ dtype: "u4", dims: [3, 3] })).toBe(5);
    expect(tensorByteLength({ dtype: "bool", dims: [] })).toBe(1);
    expect(() => tensorByteLength({ dtype: "f32", dims: [2 ** 30, 2 ** 30] })).toThrow(TimmcError);
  });

  test("opsets outside the supported ones are refused", () => {
    expect(supportedOpsets.map(irVersionOf)).toEqual([8, 8, 9, 9, 10, 10, 11]);
    expect(() => irVersionOf(24)).toThrow(/opset 24/);
  });
});
