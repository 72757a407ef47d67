/** A field of a manifest that is not what its source and request give. */
export interface Difference {
  readonly field: string;
  readonly recorded: unknown;
  readonly given: unknown;
}

const isNode = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

interface DifferenceOptions {
  /** Lists that differ are one difference, and not one for each entry. */
  readonly wholeLists?: boolean;
}

/** The leaves at which two JSON values differ, each with its path. */
export function differencesBetween(
  recorded: unknown,
  given: unknown,
  field = "",
  options: DifferenceOptions = {},
): Difference[] {
  if (Object.is(recorded, given)) return [];
  if (!isNode(recorded) || !isNode(given) || Array.isArray(recorded) !== Array.isArray(given))
    return [{ field, recorded, given }];
  const keys = new Set([...Object.keys(recorded), ...Object.keys(given)]);
  const found = [...keys].flatMap((key) =>
    differencesBetween(recorded[key], given[key], field === "" ? key : `${field}.${key}`, options),
  );
  return options.wholeLists === true && Array.isArray(recorded) && found.length > 0
    ? [{ field, recorded, given }]
    : found;
}
