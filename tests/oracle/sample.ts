import { createHash } from "node:crypto";
import { isAccepted, modelRecords, optionRecords } from "./records.ts";
import { type Expectation, modelExpectations, optionExpectation } from "./requests.ts";

/** Everything with numbers on record, in an order that follows from the names and mixes sizes. */
export function expectations(family: string): Expectation[] {
  const options = optionRecords(family).filter(isAccepted);
  const all = [
    ...modelRecords(family).flatMap(modelExpectations),
    ...options.flatMap((record) => optionExpectation(record) ?? []),
  ];
  return all
    .map((e) => [hash(e), e] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, e]) => e);
}

const hash = ({ name }: Expectation): string => createHash("sha1").update(name).digest("hex");

const kinds = ["full", "features", "options"] as const;

/**
 * Some of a family's small models, of every kind: what a test of minutes can afford. A family that has none is
 * represented by its two smallest records.
 */
export function sample(family: string, perKind: Readonly<Record<Expectation["kind"], number>>): Expectation[] {
  const all = expectations(family);
  const small = all.filter(isSmall);
  if (small.length === 0) return all.toSorted((a, b) => a.params - b.params).slice(0, 2);
  return kinds.flatMap((kind) => small.filter((e) => e.kind === kind).slice(0, perKind[kind]));
}

const isSmall = ({ params, inputShape }: Expectation): boolean =>
  params < 30e6 && inputShape.reduce((n, d) => n * d, 1) <= 3 * 260 * 260;
