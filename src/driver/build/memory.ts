import { freemem } from "node:os";
import { byteSize } from "../../ir/dtype.ts";
import { count } from "../../ir/type.ts";
import { lowerRequest } from "../lower-request.ts";
import type { VariantRequest } from "./requests.ts";

/** What a variant's memory follows from. */
export interface Size {
  /** Bytes of the largest parameter, and of all. */
  readonly largest: number;
  readonly all: number;
}

const mebibyte = 2 ** 20;

/** A thread with its modules. */
const threadBytes = 128 * mebibyte;

/** Of buffers that are no longer used, what waits for the garbage collector at most. */
const garbageBytes = 300 * mebibyte;

/** The size of a request's network, of which no weight is read. Throws TimmcError as `lower` does. */
export async function sizeOf({ model, args, cfg, inputSize, useTestSize }: VariantRequest): Promise<Size> {
  const { lowered } = await lowerRequest({ model, ...(args && { args }), cfg, inputSize, useTestSize });
  const bytes = lowered.parameters.map(({ shape, dtype }) => count(shape) * byteSize(dtype));
  return { largest: bytes.reduce((a, b) => Math.max(a, b), 0), all: bytes.reduce((a, b) => a + b, 0) };
}

/**
 * Bytes that a compile takes at most, and `verify` behind it, which holds the network twice. A weight is evaluated in
 * float64, from a copy as it was read to one as it is written, and half of what was read is garbage not yet collected: an
 * upper bound of what a process grew by in 23 compiles of networks from 2 to 1480 MiB, by a factor of 1.05 to 3.
 */
export const needOf = ({ largest, all }: Size, verify: boolean): number =>
  threadBytes + 4 * largest + Math.min(all / 2, garbageBytes) + (verify ? 5 * all + threadBytes : 0);

/** What taking an artifact from the cache takes, or looking at one: pieces of its files. */
export const copyingBytes = threadBytes;

/** Bytes that a build may take where nobody says: seven tenths of what is free, within the limit of a container. */
export function defaultBudget(): number {
  const limit = process.constrainedMemory();
  const free = limit > 0 && limit < 2 ** 50 ? Math.min(freemem(), limit) : freemem();
  return Math.max(512 * mebibyte, Math.floor(0.7 * free));
}
