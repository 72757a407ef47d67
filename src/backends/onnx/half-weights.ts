import { largestHalf } from "../../ir/float.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Numbers } from "../../ir/bytes.ts";

/** Numbers from here on round to infinity, and those up to there to zero. */
const rounding = { infinite: largestHalf + 16, zero: 2 ** -25 } as const;

/**
 * Refuses weights that are not theirs any more as halves: finite numbers that become infinite, or numbers of which
 * nothing but zeros is left. Throws `weights` with the tensor's name; NaN and infinities of the checkpoint pass.
 */
export function requireHalves(name: string, numbers: Numbers): void {
  let beyond = 0;
  let largest = 0;
  for (let i = 0; i < numbers.length; i++) {
    const magnitude = Math.abs(numbers[i] ?? 0);
    if (magnitude > largest && Number.isFinite(magnitude)) largest = magnitude;
    if (magnitude >= rounding.infinite && Number.isFinite(magnitude)) beyond++;
  }
  if (beyond > 0)
    throw refused(
      name,
      `${beyond} of ${numbers.length} numbers, up to ${largest.toPrecision(4)}, exceed the largest half, ${largestHalf}`,
    );
  if (largest > 0 && largest <= rounding.zero)
    throw refused(name, `all ${numbers.length} numbers, up to ${largest.toPrecision(4)}, are zero as halves`);
}

const refused = (name: string, what: string): TimmcError =>
  new TimmcError("weights", what, {
    trail: [name],
    hint: "The network does not fit into 16 bits: compile it with --precision fp32, or int8-weights.",
  });
