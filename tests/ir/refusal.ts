import { TimmcError } from "../../src/ir/error.ts";

/** What a user reads when `body` refuses; anything but a TimmcError is thrown on. */
export function refusal(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof TimmcError) return error.describe();
    throw error;
  }
  return "accepted";
}
