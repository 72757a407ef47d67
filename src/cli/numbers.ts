import { InvalidArgumentError } from "commander";

/** The positive integer that a text is, or undefined. */
export const positiveInteger = (text: string | undefined): number | undefined =>
  text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;

/** An option parser: a number above 0. */
export function positiveFraction(text: string): number {
  const number = /^\d*\.?\d+(?:e-?\d+)?$/i.test(text) ? Number(text) : 0;
  if (!(number > 0 && Number.isFinite(number))) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}

/** An option parser: a positive integer. */
export function positiveNumber(text: string): number {
  const number = positiveInteger(text);
  if (number === undefined) throw new InvalidArgumentError("It must be a positive integer.");
  return number;
}
