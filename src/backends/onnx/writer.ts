import { TimmcError } from "../../ir/error.ts";
import type { ByteSink } from "../file-sink.ts";
import type { OnnxModel, OnnxTensorHeader } from "./model.ts";
import { tensorByteLength } from "./model.ts";
import { encodeModelFrame, encodeTensorHeader } from "./proto.ts";

/**
 * An initializer and a way to its bytes: `tensorByteLength(header)` of them, little-endian, in one piece or several.
 * `bytes` is called at most once per file written, when the tensor's turn comes, so that memory holds one tensor at a time.
 */
export interface Initializer {
  readonly header: OnnxTensorHeader;
  bytes(): Uint8Array | Iterable<Uint8Array>;
}

/**
 * Bytes of external data start at multiples of this, so that a reader can map them (onnx.proto: TensorProto.external_data).
 */
const alignment = 4096;

/** Smaller tensors stay in the model file, where shape inference reads them; ONNX's own tools draw the line here too. */
const externalThreshold = 1024;

/**
 * Writes a model file in one pass. All lengths follow from the headers, so the bytes of a tensor are asked for only when
 * it is written; those of external tensors never are. The same arguments give the same bytes.
 * Throws `unsupported` before the first byte when the file would reach 2 GiB, `invalid-ir` for a tensor whose bytes do not
 * fit its header, and whatever the sink and `bytes` throw; the sink is then left as it is.
 */
export function writeOnnx(sink: ByteSink, model: OnnxModel, initializers: Iterable<Initializer>): void {
  const tensors = [...initializers];
  const encoded = tensors.map(({ header }) => encodeTensorHeader(header));
  const inline = tensors.map(({ header }) => (header.external === undefined ? tensorByteLength(header) : 0));
  const { head, tail } = encodeModelFrame(model, sum(encoded.map((bytes) => bytes.length)) + sum(inline));
  sink.write(head);
  for (const [index, tensor] of tensors.entries()) {
    const header = encoded[index];
    if (header !== undefined) sink.write(header);
    if (tensor.header.external === undefined) writeData(sink, tensor);
  }
  sink.write(tail);
}

/**
 * Gives the larger initializers a place in the file `location` beside the model, one after another, each at a multiple of
 * 4096 bytes; the smaller ones stay inline. Models that share one data file are written from parts of one placed list.
 */
export function placeExternally(initializers: Iterable<Initializer>, location: string): Initializer[] {
  let end = 0;
  return Array.from(initializers, (tensor) => {
    const length = tensorByteLength(tensor.header);
    if (length < externalThreshold) return tensor;
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + length;
    return { header: { ...tensor.header, external: { location, offset } }, bytes: () => tensor.bytes() };
  });
}

/** Writes the data file that `placeExternally` planned, with zeros between the tensors. */
export function writeExternalData(sink: ByteSink, initializers: Iterable<Initializer>): void {
  let position = 0;
  for (const tensor of initializers) {
    const offset = tensor.header.external?.offset;
    if (offset === undefined) continue;
    if (offset < position) throw wrongBytes(tensor.header, `starts at ${offset}, before the tensor ahead of it ends`);
    if (offset > position) sink.write(new Uint8Array(offset - position));
    position = offset + writeData(sink, tensor);
  }
}

function writeData(sink: ByteSink, tensor: Initializer): number {
  const { header } = tensor;
  const data = tensor.bytes();
  const expected = tensorByteLength(header);
  let written = 0;
  for (const part of data instanceof Uint8Array ? [data] : data) {
    written += part.length;
    if (written > expected) break;
    sink.write(part);
  }
  if (written !== expected) throw wrongBytes(header, `takes ${expected} bytes and was given ${written}`);
  return written;
}

const wrongBytes = ({ name, dtype, dims }: OnnxTensorHeader, what: string): TimmcError =>
  new TimmcError("invalid-ir", `the initializer, a ${dtype}[${dims.join(",")}], ${what}`, { trail: [name] });

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
