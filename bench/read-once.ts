// A process of its own that reads FILE as LANE says and prints bytes, milliseconds, and its peak memory in KiB.
import { closeSync, openSync, readSync } from "node:fs";
import { openSafetensors } from "../src/frontend/weights/safetensors.ts";

/** What a caller still holds while it asks for the next tensor. */
let last: Uint8Array = new Uint8Array();

function timmc(file: string): number {
  const source = openSafetensors(file);
  let bytes = 0;
  for (const key of source.keys()) {
    last = source.get(key)?.read() ?? last;
    bytes += last.length;
  }
  source.close();
  return bytes;
}

/** The same tensors, each into memory of its own, with nothing checked. */
function plain(file: string): number {
  const descriptor = openSync(file, "r");
  const at = (position: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    readSync(descriptor, bytes, 0, length, position);
    return bytes;
  };
  const length = Number(new DataView(at(0, 8).buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(at(8, length))) as Record<string, { data_offsets: number[] }>;
  let bytes = 0;
  for (const {
    data_offsets: [begin = 0, end = 0],
  } of Object.values(header)) {
    last = at(8 + length + begin, end - begin);
    bytes += last.length;
  }
  closeSync(descriptor);
  return bytes;
}

/** The whole file through 4 MiB that are used over and over: no tensor outlives the next. */
function oneBuffer(file: string): number {
  const descriptor = openSync(file, "r");
  last = new Uint8Array(4 << 20);
  let bytes = 0;
  for (let count = -1; count !== 0; bytes += count) count = readSync(descriptor, last);
  closeSync(descriptor);
  return bytes;
}

const [lane = "", file = ""] = process.argv.slice(2);
const read = { timmc, plain, "one buffer": oneBuffer }[lane];
const from = performance.now();
const bytes = read?.(file);
console.log(JSON.stringify({ bytes, ms: performance.now() - from, peak: process.resourceUsage().maxRSS }));
