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

/** The cheapest of a family's records of every kind: what a test of minutes can afford. */
export function sample(family: string, perKind: Readonly<Record<Expectation["kind"], number>>): Expectation[] {
  const all = expectations(family).toSorted((a, b) => work(a) - work(b));
  return kinds.flatMap((kind) => all.filter((e) => e.kind === kind).slice(0, perKind[kind]));
}

/** What compiling and running takes, roughly: parameters times pixels. */
export const work = ({ params, inputShape: [, , height = 1, width = 1] }: Expectation): number =>
  params * height * width;
