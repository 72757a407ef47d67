import type { Family } from "./family.ts";

/** Families of timm that are not defined, each with the reason. */
export const refusedFamilies: Readonly<Record<string, string>> = {
  gemma4_vit:
    "its input is a dictionary of patches, their coordinates and a mask, where a graph here takes one image, " +
    "and timm's form for one image has no outputs on record that its numbers could be held against",
};

/** Why an architecture cannot be lowered, given its family's definition; null where it can. */
export function unsupportedReason(architecture: string, name: string, family: Family | undefined): string | null {
  const refused = Object.hasOwn(refusedFamilies, name) ? refusedFamilies[name] : undefined;
  if (refused !== undefined) return `the family ${name} is refused: ${refused}`;
  if (family === undefined) return `the family ${name} is not defined yet`;
  if (Object.hasOwn(family.variants, architecture)) return null;
  return `the family ${name} does not define this architecture yet`;
}
