import { decodeNumbers } from "../ir/bytes.ts";
import { TimmcError } from "../ir/error.ts";
import type { Environment } from "../ir/interpret.ts";
import { ndarray } from "../ir/ndarray.ts";
import type { StaticType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";

/** Where a backend gets the bytes of parameters from: read when their turn comes, never kept. */
export interface Parameters {
  /** Row-major little-endian bytes of the checkpoint entry in the type that the graph declares. */
  bytes(key: string, type: StaticType): Uint8Array;
}

/** The environment of weight expressions: parameters, and nothing that runs. */
export const weightEnvironment = (parameters: Parameters): Environment => ({
  symbols: {},
  param: (key, type) => ndarray(type.dtype, type.shape, decodeNumbers(type.dtype, parameters.bytes(key, type))),
  input: (name) => {
    throw new TimmcError("invalid-ir", `a weight expression reads the input ${name}`);
  },
});

/** Whether a weight depends on the checkpoint, and not on constants alone. */
export function readsParameter(value: Value): boolean {
  const seen = new Set([value]);
  for (const v of seen) {
    if (v.op === "param") return true;
    for (const x of v.operands) if (x !== undefined) seen.add(x);
  }
  return false;
}
