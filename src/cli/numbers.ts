import { InvalidArgumentError } from "commander";

/** The positive integer that a text is, or undefined. */
export const positiveInteger = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;

/** An option parser: a positive integer. */
export function positiveNumber(text: string): number {
  const number = positiveInteger(text);
  if (number === undefined) throw new InvalidArgumentError("It must be a positive integer.");
  return number;
}
