import { closeSync, fstatSync } from "node:fs";
import { basename } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { type Refuse, openFile, readBytes, shown } from "./file.ts";
import { type HeaderEntry, parseHeader } from "./safetensors-header.ts";
import { type TensorData, type WeightSource, isOpaque } from "./source.ts";

/** The format's bound on the header, in bytes. */
const MAX_HEADER = 100_000_000;

/**
 * A safetensors file: u64 header length, JSON header, one buffer. Opening reads and checks the header only; a tensor's
 * bytes are read at their offset when asked for, into memory of their own (a file need not align its tensors).
 * Throws TimmcError: `io` where the file cannot be read, `weights` where it breaks a rule of the format.
 */
export function openSafetensors(path: string): WeightSource {
  const descriptor = openFile(path);
  try {
    return sourceOf(descriptor, path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function sourceOf(descriptor: number, path: string): WeightSource {
  const refuse: Refuse = (rule, tensor) => {
    throw new TimmcError("weights", rule, {
      trail: tensor === undefined ? [path] : [path, shown(tensor)],
      hint: "The file is damaged or not safetensors: fetch it again, or write it anew with safetensors.torch.save_file.",
    });
  };
  const size = fstatSync(descriptor).size;
  const { text, dataStart } = readHeader(descriptor, size, refuse);
  const entries = parseHeader(text, size - dataStart, refuse);
  let open = true;
  const read = (name: string, entry: HeaderEntry): Uint8Array => {
    if (!open) throw new TimmcError("weights", "read after its source was closed", { trail: [path, shown(name)] });
    if (isOpaque(entry.dtype)) {
      throw new TimmcError("weights", `parameters of type ${entry.dtype} are not supported`, {
        trail: [path, shown(name)],
        hint: "Store it as float32, float16, bfloat16 or float8.",
      });
    }
    return readBytes(descriptor, dataStart + entry.begin, entry.end - entry.begin, (rule) => refuse(rule, name));
  };
  return {
    label: basename(path),
    notices: text.startsWith("{") ? [] : [`${basename(path)}: the header begins with spaces, which the format forbids`],
    keys: () => entries.keys(),
    get: (name): TensorData | undefined => {
      const entry = entries.get(name);
      return entry && { dtype: entry.dtype, shape: entry.shape, read: () => read(name, entry) };
    },
    close: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

function readHeader(descriptor: number, size: number, refuse: Refuse): { text: string; dataStart: number } {
  if (size < 8) refuse(`a file of ${size} bytes has no room for the header length (8 bytes)`);
  const prefix = readBytes(descriptor, 0, 8, refuse);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > MAX_HEADER) refuse(`the header claims ${length} bytes; the format allows ${MAX_HEADER}`);
  const dataStart = 8 + Number(length);
  if (dataStart > size) refuse(`the header claims ${length} bytes, the file holds ${size - 8} after the length`);
  const bytes = readBytes(descriptor, 8, Number(length), refuse);
  return { text: decodeUtf8(bytes) ?? refuse("the header is not UTF-8"), dataStart };
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
