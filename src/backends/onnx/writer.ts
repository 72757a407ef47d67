import { TimmcError } from "../../ir/error.ts";
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
 * The bytes of a model file, in order, part by part: a tensor's are asked for when the part before it has been taken, so a
 * consumer may rest or stop between any two. All lengths follow from the headers; the bytes of external tensors are never
 * asked for. A part is valid until the next one is taken. The same arguments give the same bytes.
 * Throws `unsupported` before the first part when the file would reach 2 GiB, `invalid-ir` for a tensor whose bytes do not
 * fit its header, and whatever `bytes` throws.
 */
export function* modelFile(model: OnnxModel, initializers: Iterable<Initializer>): Generator<Uint8Array, void> {
  const tensors = [...initializers];
  const encoded = tensors.map(({ header }) => encodeTensorHeader(header));
  const inline = tensors.map(({ header }) => (header.external === undefined ? tensorByteLength(header) : 0));
  const { head, tail } = encodeModelFrame(model, sum(encoded.map((bytes) => bytes.length)) + sum(inline));
  yield head;
  for (const [index, tensor] of tensors.entries()) {
    const header = encoded[index];
    if (header !== undefined) yield header;
    if (tensor.header.external === undefined) yield* dataOf(tensor);
  }
  yield tail;
}

/** Whether a tensor leaves the model file where there is a data file. */
export const isLarge = ({ header }: Initializer): boolean => tensorByteLength(header) >= externalThreshold;

/**
 * Gives initializers a place in the file `location` beside the model, one after another, each at a multiple of 4096 bytes:
 * the larger ones, or those that `leaves` names; the others stay inline. Models that share one data file are written from
 * parts of one placed list.
 */
export function placeExternally<T extends Initializer>(
  initializers: Iterable<T>,
  location: string,
  leaves: (tensor: T) => boolean = isLarge,
): Initializer[] {
  let end = 0;
  return Array.from(initializers, (tensor) => {
    const length = tensorByteLength(tensor.header);
    if (!leaves(tensor)) return tensor;
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + length;
    return { header: { ...tensor.header, external: { location, offset } }, bytes: () => tensor.bytes() };
  });
}

/** The bytes of the data file that `placeExternally` planned, with zeros between the tensors; parts as in `modelFile`. */
export function* externalData(initializers: Iterable<Initializer>): Generator<Uint8Array, void> {
  let position = 0;
  for (const tensor of initializers) {
    const offset = tensor.header.external?.offset;
    if (offset === undefined) continue;
    if (offset < position) throw wrongBytes(tensor.header, `starts at ${offset}, before the tensor ahead of it ends`);
    if (offset > position) yield new Uint8Array(offset - position);
    yield* dataOf(tensor);
    position = offset + tensorByteLength(tensor.header);
  }
}

function* dataOf(tensor: Initializer): Generator<Uint8Array, void> {
  const { header } = tensor;
  const data = tensor.bytes();
  const expected = tensorByteLength(header);
  let given = 0;
  for (const part of data instanceof Uint8Array ? [data] : data) {
    given += part.length;
    if (given > expected) break;
    yield part;
  }
  if (given !== expected) throw wrongBytes(header, `takes ${expected} bytes and was given ${given}`);
}

const wrongBytes = ({ name, dtype, dims }: OnnxTensorHeader, what: string): TimmcError =>
  new TimmcError("invalid-ir", `the initializer, a ${dtype}[${dims.join(",")}], ${what}`, { trail: [name] });

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
