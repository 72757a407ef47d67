import { WebGpuError } from "./error.ts";

/** The bytes of the weight file: all at once, or as they come. */
export type WeightBytes = ArrayBuffer | Uint8Array | ReadableStream<Uint8Array>;

/** Bytes that are handed to the device at a time: more would be held twice. */
const part = 2 ** 24;

/** Fills a buffer with the weight file. Throws WebGpuError `artifact` where it has another length. */
export async function upload(
  device: GPUDevice,
  buffer: GPUBuffer,
  weights: WeightBytes,
  size: number,
  progress: (done: number, all: number) => void,
): Promise<void> {
  let done = 0;
  /** What is left of a part whose end is within a word: writes are of whole words. */
  let rest = new Uint8Array();
  const write = (bytes: Uint8Array): void => {
    if (done + bytes.length > size) throw wrongLength(`more than ${size}`, size);
    device.queue.writeBuffer(buffer, done, bytes);
    done += bytes.length;
    progress(done, size);
  };
  for await (const bytes of partsOf(weights)) {
    const all = rest.length === 0 ? bytes : joined(rest, bytes);
    const whole = all.length - (all.length % 4);
    if (whole > 0) write(all.subarray(0, whole));
    rest = all.slice(whole);
  }
  if (rest.length > 0 || done !== size) throw wrongLength(String(done + rest.length), size);
}

const wrongLength = (bytes: string, size: number): WebGpuError =>
  new WebGpuError("artifact", `the weights have ${bytes} bytes, and the plan says ${size}`);

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

async function* partsOf(weights: WeightBytes): AsyncGenerator<Uint8Array> {
  if (weights instanceof ReadableStream) {
    const reader = weights.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      await reader.cancel();
    }
    return;
  }
  const bytes = weights instanceof Uint8Array ? weights : new Uint8Array(weights);
  for (let from = 0; from < bytes.length; from += part) yield bytes.subarray(from, from + part);
}
