import type { Family } from "./family.ts";

/** Families of timm that are not defined, each with the reason. */
const refusedFamilies: Readonly<Record<string, string>> = {
  gemma4_vit: "its input is a dictionary of patches, their coordinates and a mask, where a graph here takes one image",
};

/**
 * Why an architecture cannot be lowered, given its family's definition; null where it can.
 *
 * @throws RangeError where neither holds: every family that is not refused defines all of the registry's architectures.
 */
export function unsupportedReason(architecture: string, name: string, family: Family | undefined): string | null {
  const refused = Object.hasOwn(refusedFamilies, name) ? refusedFamilies[name] : undefined;
  if (refused !== undefined) return `the family ${name} is refused: ${refused}`;
  if (family !== undefined && Object.hasOwn(family.variants, architecture)) return null;
  throw new RangeError(`the registry has ${architecture}, and the family ${name} does not define it`);
}
