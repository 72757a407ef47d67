import { type RandomBytes, type Refuse } from "../../../../src/frontend/weights/file.ts";
import { type Checkpoint, readCheckpoint } from "../../../../src/frontend/weights/pth/checkpoint.ts";
import { TimmcError } from "../../../../src/ir/error.ts";

/** Bytes in memory that insist on their bounds. */
export const memoryBytes = (bytes: Uint8Array): RandomBytes => ({
  size: bytes.length,
  read: (at, length) => {
    if (at < 0 || length < 0 || at + length > bytes.length) throw new RangeError(`read of ${length} at ${at}`);
    return Uint8Array.from(bytes.subarray(at, at + length));
  },
});

export const refuse: Refuse = (rule, tensor) => {
  throw new TimmcError("weights", rule, { trail: tensor === undefined ? [] : [tensor] });
};

export const read = (bytes: Uint8Array): Checkpoint => readCheckpoint(memoryBytes(bytes), refuse);

/** The rule that a file breaks. */
export function refusal(bytes: Uint8Array): string {
  try {
    read(bytes);
  } catch (error) {
    if (error instanceof TimmcError) return [...error.trail, error.message].join(": ");
    throw error;
  }
  return "no refusal";
}
