import { WebGpuError } from "./error.ts";

/** The bytes of the weight file: all at once, or as they come. */
export type WeightBytes = ArrayBuffer | Uint8Array | ReadableStream<Uint8Array>;

/** Bytes that are handed to the device at a time: more would be held twice. */
const part = 2 ** 24;

interface UploadOptions {
  /** Of the weight file, as the plan says. */
  readonly size: number;
  /** Ends the upload: nothing is written to the buffer from then on, and a stream is cancelled. */
  readonly signal: AbortSignal;
  readonly progress: (done: number, all: number) => void;
}

/** Fills a buffer with the weight file. Throws WebGpuError `artifact` where it has another length. */
export async function upload(
  device: GPUDevice,
  buffer: GPUBuffer,
  weights: WeightBytes,
  { size, signal, progress }: UploadOptions,
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
  for await (const bytes of partsOf(weights, signal)) {
    if (signal.aborted) return;
    const all = rest.length === 0 ? bytes : joined(rest, bytes);
    const whole = all.length - (all.length % 4);
    if (whole > 0) write(all.subarray(0, whole));
    rest = all.slice(whole);
  }
  if (signal.aborted) return;
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

async function* partsOf(weights: WeightBytes, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (weights instanceof ReadableStream) {
    const reader = weights.getReader();
    // A read that waits for bytes ends too.
    const stop = (): void => void reader.cancel().catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } finally {
      signal.removeEventListener("abort", stop);
      await reader.cancel();
    }
    return;
  }
  const bytes = weights instanceof Uint8Array ? weights : new Uint8Array(weights);
  for (let from = 0; from < bytes.length; from += part) yield bytes.subarray(from, from + part);
}

/** Cancels a stream that nothing has begun to read. */
export async function closeUnread(weights: WeightBytes): Promise<void> {
  if (weights instanceof ReadableStream && !weights.locked) await weights.cancel().catch(() => undefined);
}
