import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { type OnnxModel, type OnnxTensorHeader, tensorByteLength } from "./model.ts";
import { decodeHeaders, malformed } from "./proto.ts";
import { type ByteSource, skeletonOf } from "./wire.ts";

/** A model file without its weights: what it says of them, and where they lie. */
interface ModelHeaders {
  readonly model: OnnxModel;
  readonly initializers: readonly PlacedInitializer[];
}

/** The `tensorByteLength(header)` bytes begin at `offset` of the model file, or lie where `header.external` says. */
export interface PlacedInitializer {
  readonly header: OnnxTensorHeader;
  readonly offset: number | undefined;
}

/**
 * Reads the graph of a model file of any size in the memory of its nodes and headers; of the weights no byte. Throws
 * `invalid-ir` with the path for what timmc does not write, `io` for what cannot be read.
 */
export function readModelHeaders(path: string): ModelHeaders {
  try {
    const descriptor = openSync(path, "r");
    try {
      return headersOf(fileSource(descriptor));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof TimmcError) throw error.within(path);
    throw new TimmcError("io", `it cannot be read (${messageOf(error)})`, { trail: [path], cause: error });
  }
}

function headersOf(file: ByteSource): ModelHeaders {
  const { bytes, rawData } = skeletonOf(file);
  const { model, headers } = decodeHeaders(bytes);
  const names = new Set(headers.map(({ name }) => name));
  if (names.size !== headers.length) throw malformed("two initializers have one name");
  const initializers = headers.map((header, i) => {
    const raw = rawData[i] ?? null;
    const inline = header.external === undefined ? tensorByteLength(header) : 0;
    if ((raw?.length ?? 0) !== inline) throw malformed("its raw data do not fit its type").within(header.name);
    return { header, offset: header.external === undefined ? (raw?.offset ?? 0) : undefined };
  });
  return { model, initializers };
}

/** Long enough that headers are read at once, short enough that little is read of the weights between them. */
const windowBytes = 2 ** 14;

function fileSource(descriptor: number): ByteSource {
  const { size } = fstatSync(descriptor);
  let [from, window] = [0, new Uint8Array()];
  return {
    size,
    read: (start, end) => {
      if (start < from || end > from + window.length) {
        window = new Uint8Array(Math.min(Math.max(windowBytes, end - start), size - start));
        from = start;
        for (let done = 0; done < window.length;) {
          const n = readSync(descriptor, window, done, window.length - done, start + done);
          if (n === 0) throw malformed("the file was cut while it was read");
          done += n;
        }
      }
      return window.subarray(start - from, end - from);
    },
  };
}
