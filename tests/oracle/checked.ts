import { type Aspect, type Coverage, byAspect } from "../../src/frontend/coverage.ts";
import {
  type ModelRecord,
  type OptionRecord,
  isAccepted,
  modelRecords,
  optionRecords,
  recordedFamilies,
} from "./records.ts";
import { type Expectation, hasStages, modelExpectations, optionExpectation } from "./requests.ts";
import { standingOf } from "./rounding.ts";

/** A record as one aspect sees it, with its numbers where it has any. */
export interface Checked {
  readonly architecture: string;
  readonly aspect: Aspect;
  readonly numbers: Expectation | undefined;
}

/** Every record, once for each aspect that it says something of. */
export const checkedRecords = (): readonly Checked[] =>
  recordedFamilies.flatMap((family) => [
    ...modelRecords(family).flatMap(ofModel),
    ...optionRecords(family).map(ofOption),
  ]);

function ofModel(record: ModelRecord): Checked[] {
  const { arch: architecture } = record;
  const expected = modelExpectations(record);
  const full = expected.filter(({ kind }) => kind === "full");
  const features = expected.find(({ kind }) => kind === "features");
  return [
    { architecture, aspect: "structure", numbers: undefined },
    ...full.map((numbers): Checked => ({ architecture, aspect: "numerics", numbers })),
    ...(hasStages(record.features) ? [{ architecture, aspect: "features" as const, numbers: features }] : []),
  ];
}

/** What timm refuses, and what its forward would, is tested to be refused. */
const ofOption = (record: OptionRecord): Checked => ({
  architecture: record.arch,
  aspect: "options",
  numbers: isAccepted(record) ? optionExpectation(record) : undefined,
});

const isDecided = ({ numbers }: Checked): boolean =>
  numbers?.outputs.some(([tap]) => standingOf(numbers, tap) !== "exact") === true;

/** An architecture's records, counted; null where it has none. */
export function countRecords(records: readonly Checked[]): Coverage | null {
  if (records.length === 0) return null;
  return byAspect((aspect) => {
    const of = records.filter((record) => record.aspect === aspect);
    return { records: of.length, rounding: of.filter(isDecided).length };
  });
}
