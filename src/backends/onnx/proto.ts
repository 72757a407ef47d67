import onnxProto from "onnx-proto";
import { TimmcError, within } from "../../ir/error.ts";
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxTensor, OnnxTensorHeader, OnnxValueInfo } from "./model.ts";
import { dataTypeCode, dtypeOfCode, tensorByteLength } from "./model.ts";

/**
 * ONNX records to protobuf and back: with `wire.ts`, which finds where fields lie, all that knows the wire format. onnx-proto writes fields in the order of
 * their numbers; the parts below are cut so that writing them one after another gives the same bytes as one message.
 */
const { onnx } = onnxProto;
type IAttributeProto = onnxProto.onnx.IAttributeProto;
type INodeProto = onnxProto.onnx.INodeProto;
type ITensorProto = onnxProto.onnx.ITensorProto;
type IValueInfoProto = onnxProto.onnx.IValueInfoProto;
type DataType = onnxProto.onnx.TensorProto.DataType;

/** The key of a length-delimited field; its number is the field's number in onnx.proto. */
const delimited = (field: number): number => (field << 3) | 2;
const modelGraph = delimited(7);
const graphInitializer = delimited(5);
const tensorRawData = delimited(9);

/** protobuf readers refuse messages of 2 GiB and more. */
const maxMessageBytes = 2 ** 31 - 1;

/** What surrounds the initializers in a model file. */
export interface ModelFrame {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/**
 * Encodes everything of a model except its initializers, for which room of `initializerBytes` is left between `head` and
 * `tail`. Throws `unsupported` when the whole reaches 2 GiB, and `invalid-ir` for a value that the format cannot hold.
 */
export function encodeModelFrame(model: OnnxModel, initializerBytes: number): ModelFrame {
  const { GraphProto, ModelProto } = onnx;
  const graphHead = GraphProto.encode({ node: model.nodes.map(nodeToProto), name: model.graphName }).finish();
  const graphTail = GraphProto.encode({
    input: model.inputs.map(valueInfoToProto),
    output: model.outputs.map(valueInfoToProto),
    valueInfo: model.valueInfo.map(valueInfoToProto),
  }).finish();
  const tail = ModelProto.encode({
    opsetImport: model.opsetImports.map(({ domain, version }) => ({ domain, version: int64(version) })),
    metadataProps: model.metadata.map(([key, value]) => ({ key, value })),
  }).finish();
  const graphBytes = graphHead.length + initializerBytes + graphTail.length;
  const head = ModelProto.encode({
    irVersion: int64(model.irVersion),
    producerName: model.producer.name,
    producerVersion: model.producer.version,
  })
    .uint32(modelGraph)
    .uint32(graphBytes)
    .finish();
  const total = head.length + graphBytes + tail.length;
  if (total > maxMessageBytes) throw tooLarge(total);
  return { head: Buffer.concat([head, graphHead]), tail: Buffer.concat([graphTail, tail]) };
}

const tooLarge = (bytes: number): TimmcError =>
  new TimmcError("unsupported", `the ONNX model would take ${bytes} bytes, and protobuf ends at ${maxMessageBytes}`, {
    hint: "Keep the weights in external data.",
  });

/**
 * Encodes one initializer up to and including the length of its raw data: the `tensorByteLength(header)` bytes
 * themselves must follow, unless the header is external.
 */
export function encodeTensorHeader(header: OnnxTensorHeader): Uint8Array {
  return within(header.name, () => {
    const length = tensorByteLength(header);
    const { dtype, dims, name, external } = header;
    const fields: ITensorProto = { dims: [...dims], dataType: codeOf(dtype), name };
    if (external !== undefined) {
      const { location, offset } = external;
      const entries = { location, offset: String(int64(offset)), length: String(length) };
      fields.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
      fields.dataLocation = onnx.TensorProto.DataLocation.EXTERNAL;
    }
    const inline = external === undefined ? length : 0;
    if (inline > maxMessageBytes) throw tooLarge(inline);
    const open = onnx.TensorProto.encode(fields);
    const body = (external === undefined ? open.uint32(tensorRawData).uint32(length) : open).finish();
    const key = onnx.GraphProto.encode({})
      .uint32(graphInitializer)
      .uint32(body.length + inline)
      .finish();
    return Buffer.concat([key, body]);
  });
}

// TensorProto.data_type is an int32 on the wire; onnx-proto's enumeration of it ends before the 4-bit integers.
const codeOf = (dtype: OnnxTensorHeader["dtype"]): DataType => dataTypeCode(dtype);

const nodeToProto = (node: OnnxNode): INodeProto =>
  within(node.name, () => ({
    input: [...node.inputs],
    output: [...node.outputs],
    name: node.name,
    opType: node.opType,
    // Sorted, so that the bytes do not depend on the order in which a record was filled.
    attribute: Object.entries(node.attributes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, attribute]) => attributeToProto(name, attribute)),
    ...(node.domain === undefined || node.domain === "" ? {} : { domain: node.domain }),
  }));

function attributeToProto(name: string, attribute: OnnxAttribute): IAttributeProto {
  const { AttributeType } = onnx.AttributeProto;
  switch (attribute.kind) {
    case "int":
      return { name, i: int64(attribute.value), type: AttributeType.INT };
    case "ints":
      return { name, ints: attribute.value.map(int64), type: AttributeType.INTS };
    case "float":
      return { name, f: attribute.value, type: AttributeType.FLOAT };
    case "floats":
      return { name, floats: [...attribute.value], type: AttributeType.FLOATS };
    case "string":
      return { name, s: Buffer.from(attribute.value), type: AttributeType.STRING };
    case "strings":
      return { name, strings: attribute.value.map((text) => Buffer.from(text)), type: AttributeType.STRINGS };
    case "tensor":
      return { name, t: tensorToProto(attribute.value), type: AttributeType.TENSOR };
  }
}

function tensorToProto({ dtype, dims, bytes }: OnnxTensor): ITensorProto {
  const length = tensorByteLength({ dtype, dims });
  if (bytes.length !== length) {
    throw new TimmcError("invalid-ir", `a ${dtype}[${dims.join(",")}] takes ${length} bytes, not ${bytes.length}`);
  }
  return { dims: [...dims], dataType: codeOf(dtype), rawData: bytes };
}

const valueInfoToProto = ({ name, dtype, shape }: OnnxValueInfo): IValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: codeOf(dtype),
      shape: { dim: shape.map((dim) => (typeof dim === "number" ? { dimValue: int64(dim) } : { dimParam: dim })) },
    },
  },
});

function int64(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new TimmcError("invalid-ir", `${value} is not a whole number below 2^53, and ONNX integers are whole`);
}

/** A decoded model and its initializers; `bytes` are views of the input, absent where the data are external. */
interface DecodedModel {
  readonly model: OnnxModel;
  readonly initializers: readonly { readonly header: OnnxTensorHeader; readonly bytes?: Uint8Array }[];
}

/**
 * Reads a model file back. Throws `invalid-ir` for bytes that are not a model, for one above `maxBytes`, and for any
 * part of the format that `OnnxModel` does not hold: nothing is dropped in silence, except descriptive text.
 */
export function decodeModel(bytes: Uint8Array, { maxBytes = 2 ** 28 } = {}): DecodedModel {
  if (bytes.length > maxBytes) throw malformed(`${bytes.length} bytes, above the limit of ${maxBytes}`);
  const { model, tensors } = recordsOf(parse(bytes));
  return { model, initializers: tensors.map(initializerFromProto) };
}

/** A decoded model whose initializers' raw data are elsewhere. */
interface DecodedHeaders {
  readonly model: OnnxModel;
  readonly headers: readonly OnnxTensorHeader[];
}

/** Reads what `wire.ts` leaves of a model file, in which initializers have no raw data. Throws as `decodeModel` does. */
export function decodeHeaders(bytes: Uint8Array): DecodedHeaders {
  const { model, tensors } = recordsOf(parse(bytes));
  return { model, headers: tensors.map((tensor) => within(tensor.name ?? "", () => headerFromProto(tensor))) };
}

function recordsOf(proto: onnxProto.onnx.ModelProto): {
  readonly model: OnnxModel;
  readonly tensors: readonly ITensorProto[];
} {
  refuse("functions or training", [...proto.functions, ...proto.trainingInfo]);
  const graph = proto.graph ?? {};
  refuse("sparse initializers or quantization notes", [
    ...(graph.sparseInitializer ?? []),
    ...(graph.quantizationAnnotation ?? []),
  ]);
  const model: OnnxModel = {
    irVersion: toNumber(proto.irVersion),
    opsetImports: proto.opsetImport.map(({ domain, version }) => ({
      domain: domain ?? "",
      version: toNumber(version),
    })),
    producer: { name: proto.producerName, version: proto.producerVersion },
    graphName: graph.name ?? "",
    nodes: (graph.node ?? []).map(nodeFromProto),
    inputs: (graph.input ?? []).map(valueInfoFromProto),
    outputs: (graph.output ?? []).map(valueInfoFromProto),
    valueInfo: (graph.valueInfo ?? []).map(valueInfoFromProto),
    metadata: proto.metadataProps.map(({ key, value }) => [key ?? "", value ?? ""]),
  };
  return { model, tensors: graph.initializer ?? [] };
}

function parse(bytes: Uint8Array): onnxProto.onnx.ModelProto {
  try {
    // A Buffer, so that protobufjs hands out views of it instead of copies.
    return onnx.ModelProto.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw malformed("these bytes are not a protobuf message of an ONNX model", error);
  }
}

export const malformed = (what: string, cause?: unknown): TimmcError =>
  new TimmcError("invalid-ir", `cannot read the ONNX model: ${what}`, { cause });

function refuse(what: string, found: readonly unknown[] | null | undefined): void {
  if (found && found.length > 0) throw malformed(`it has ${what}, which timmc does not write`);
}

const nodeFromProto = (node: INodeProto): OnnxNode =>
  within(node.name ?? "", () => ({
    opType: node.opType ?? "",
    ...(node.domain ? { domain: node.domain } : {}),
    name: node.name ?? "",
    inputs: node.input ?? [],
    outputs: node.output ?? [],
    attributes: Object.fromEntries((node.attribute ?? []).map((a) => [a.name ?? "", attributeFromProto(a)])),
  }));

function attributeFromProto(a: IAttributeProto): OnnxAttribute {
  const { AttributeType } = onnx.AttributeProto;
  switch (a.type) {
    case AttributeType.INT:
      return { kind: "int", value: toNumber(a.i) };
    case AttributeType.INTS:
      return { kind: "ints", value: (a.ints ?? []).map(toNumber) };
    case AttributeType.FLOAT:
      return { kind: "float", value: a.f ?? 0 };
    case AttributeType.FLOATS:
      return { kind: "floats", value: a.floats ?? [] };
    case AttributeType.STRING:
      return { kind: "string", value: toText(a.s) };
    case AttributeType.STRINGS:
      return { kind: "strings", value: (a.strings ?? []).map(toText) };
    case AttributeType.TENSOR:
      return { kind: "tensor", value: tensorFromProto(a.t ?? {}) };
    default:
      throw malformed(`the attribute ${a.name} has a type (${a.type}) that timmc does not write`);
  }
}

function initializerFromProto(tensor: ITensorProto): DecodedModel["initializers"][number] {
  return within(tensor.name ?? "", () => {
    const header = headerFromProto(tensor);
    return header.external === undefined ? { header, bytes: rawBytes(tensor, header) } : { header };
  });
}

function headerFromProto(tensor: ITensorProto): OnnxTensorHeader {
  const { dtype, dims } = typeFromProto(tensor);
  const header = { name: tensor.name ?? "", dtype, dims };
  if (tensor.dataLocation !== onnx.TensorProto.DataLocation.EXTERNAL) return header;
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key ?? "", value ?? ""]));
  const length = Number(entries.get("length"));
  if (length !== tensorByteLength(header)) throw malformed(`${length} bytes of external data do not fit its type`);
  const external = { location: entries.get("location") ?? "", offset: int64(Number(entries.get("offset") ?? 0)) };
  return { ...header, external };
}

function tensorFromProto(tensor: ITensorProto): OnnxTensor {
  const type = typeFromProto(tensor);
  return { ...type, bytes: rawBytes(tensor, type) };
}

function typeFromProto(tensor: ITensorProto): Pick<OnnxTensor, "dtype" | "dims"> {
  return { dtype: dtypeFromCode(tensor.dataType), dims: (tensor.dims ?? []).map(toNumber) };
}

function rawBytes(tensor: ITensorProto, type: Pick<OnnxTensor, "dtype" | "dims">): Uint8Array {
  const raw = tensor.rawData ?? new Uint8Array();
  if (raw.length !== tensorByteLength(type)) throw malformed("its raw data do not fit its type");
  return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
}

function dtypeFromCode(code: number | null | undefined): OnnxTensorHeader["dtype"] {
  const dtype = dtypeOfCode(code ?? 0);
  if (dtype === undefined) throw malformed(`the element type ${code} is none that timmc writes`);
  return dtype;
}

function valueInfoFromProto({ name, type }: IValueInfoProto): OnnxValueInfo {
  return within(name ?? "", () => {
    const tensor = type?.tensorType;
    if (!tensor?.shape) throw malformed("the value is not a tensor of known rank");
    const shape = (tensor.shape.dim ?? []).map(dimFromProto);
    return { name: name ?? "", dtype: dtypeFromCode(tensor.elemType), shape };
  });
}

function dimFromProto(dim: onnxProto.onnx.TensorShapeProto.IDimension): number | string {
  if (dim.dimParam) return dim.dimParam;
  // protobufjs answers 0 for a field that is not there, which here means an unknown size and not an empty one.
  if (!Object.hasOwn(dim, "dimValue")) throw malformed("a dimension has neither a size nor a name");
  return toNumber(dim.dimValue);
}

/** protobufjs gives a 64-bit integer as a Long. */
const toNumber = (value: number | { toNumber(): number } | null | undefined): number =>
  int64(typeof value === "number" ? value : (value?.toNumber() ?? 0));

function toText(bytes: Uint8Array | null | undefined): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes ?? new Uint8Array());
  } catch (error) {
    throw malformed("a string is not UTF-8", error);
  }
}
