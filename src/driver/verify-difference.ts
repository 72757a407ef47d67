/** A field of a manifest that is not what its source and request give. */
export interface Difference {
  readonly field: string;
  readonly recorded: unknown;
  readonly given: unknown;
}

const isNode = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** The leaves at which two JSON values differ, each with its path. */
export function differencesBetween(recorded: unknown, given: unknown, field = ""): Difference[] {
  if (Object.is(recorded, given)) return [];
  if (!isNode(recorded) || !isNode(given) || Array.isArray(recorded) !== Array.isArray(given))
    return [{ field, recorded, given }];
  const keys = new Set([...Object.keys(recorded), ...Object.keys(given)]);
  return [...keys].flatMap((key) =>
    differencesBetween(recorded[key], given[key], field === "" ? key : `${field}.${key}`),
  );
}
