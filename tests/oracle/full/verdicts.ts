import type { Aspect } from "../../../src/frontend/coverage.ts";
import {
  type ModelRecord,
  type OptionRecord,
  isAccepted,
  modelRecords,
  optionRecords,
  recordedFamilies,
} from "../records.ts";
import { type Expectation, hasStages, modelExpectations, optionExpectation } from "../requests.ts";
import { isUnstable } from "../unstable.ts";

/** Whether tests passed, by key. */
export type Outcomes = ReadonlyMap<string, boolean>;

/** A test's full name without the quotes that vitest prints around values. */
export const testKey = (fullName: string): string => fullName.replaceAll(/['\\]/g, "");

/** What became of a record: unstable where it agrees but for outputs that rounding decides. */
export type Verdict = "exact" | "unstable" | "wrong";

/** A record as one aspect sees it: the tests of its structure and of its numbers, where it has any. */
interface Checked {
  readonly architecture: string;
  readonly aspect: Aspect;
  /** One of these, by full name. */
  readonly structure?: readonly string[];
  readonly numbers?: Expectation | undefined;
}

export const numbersTest = ({ family, name }: Expectation): string => `${family} computes what timm computes > ${name}`;

/** The verdicts on an architecture's records, aspect by aspect; undefined where not all of their tests ran. */
export type Verdicts = { readonly [A in Aspect]: readonly Verdict[] | undefined };

/** Of every architecture on record. */
export function verdicts(outcomes: Outcomes): ReadonlyMap<string, Verdicts> {
  const found = new Map<string, Record<Aspect, Verdict[] | undefined>>();
  for (const record of checkedRecords()) {
    const { architecture, aspect } = record;
    const known = found.get(architecture) ?? { structure: [], numerics: [], features: [], options: [] };
    const verdict = verdictOf(record, outcomes);
    if (verdict === undefined) known[aspect] = undefined;
    else known[aspect]?.push(verdict);
    found.set(architecture, known);
  }
  return found;
}

function verdictOf({ structure, numbers }: Checked, outcomes: Outcomes): Verdict | undefined {
  const passed: (boolean | undefined)[] = [];
  if (structure !== undefined)
    passed.push(structure.map((name) => outcomes.get(testKey(name))).find((outcome) => outcome !== undefined));
  if (numbers !== undefined) passed.push(outcomes.get(testKey(numbersTest(numbers))));
  if (passed.includes(undefined)) return undefined;
  if (passed.includes(false)) return "wrong";
  return numbers?.outputs.some(([tap]) => isUnstable(numbers, tap)) === true ? "unstable" : "exact";
}

/** Every record, once for each aspect that it says something of. */
export const checkedRecords = (): readonly Checked[] =>
  recordedFamilies.flatMap((family) => [
    ...modelRecords(family).flatMap(ofModel),
    ...optionRecords(family).map(ofOption),
  ]);

function ofModel(record: ModelRecord): Checked[] {
  const { arch: architecture, family } = record;
  const structure = [`${family} > ${architecture}`];
  const expected = modelExpectations(record);
  const full = expected.filter(({ kind }) => kind === "full");
  const features = expected.find(({ kind }) => kind === "features");
  return [
    { architecture, aspect: "structure", structure },
    ...full.map((numbers): Checked => ({ architecture, aspect: "numerics", numbers })),
    ...(hasStages(record.features)
      ? [{ architecture, aspect: "features", structure, numbers: features } satisfies Checked]
      : []),
  ];
}

/** What timm refuses, and what its forward would, is tested to be refused. */
function ofOption(record: OptionRecord): Checked {
  const { arch: architecture, family, case: name } = record;
  const structure = [`${family} > ${name}`, `${family} > ${name} is refused, as timm does`];
  const numbers = isAccepted(record) ? optionExpectation(record) : undefined;
  return { architecture, aspect: "options", structure, numbers };
}
