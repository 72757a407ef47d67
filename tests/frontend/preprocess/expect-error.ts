import { expect } from "vitest";
import type { ErrorCode } from "../../../src/ir/error.ts";
import { TimmcError } from "../../../src/ir/error.ts";

/** Runs `body`, which must throw or reject with a TimmcError of this code, and returns it. */
export async function expectError(code: ErrorCode, body: () => unknown): Promise<TimmcError> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    expect(error.code, error.describe()).toBe(code);
    return error;
  }
  throw new Error(`nothing was thrown; expected a TimmcError with code ${code}`);
}
