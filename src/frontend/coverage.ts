import { readDataFile } from "./data.ts";

/** What is compared with timm. */
export const aspects = ["structure", "numerics", "features", "options"] as const;
export type Aspect = (typeof aspects)[number];

/** How records of timm came out: as recorded, as recorded but for what rounding decides, or otherwise. */
export interface Tally {
  readonly exact: number;
  readonly unstable: number;
  readonly wrong: number;
}

/** The records of an architecture, or of several, as `npm run test:oracle` found them. */
export type Coverage = { readonly [A in Aspect]: Tally };

/** data/coverage.json: a row per architecture on record, [exact, unstable, wrong] for each aspect. */
export type CoverageRows = Readonly<Record<string, readonly (readonly number[])[]>>;

/** An architecture's records; null where it has none. */
export function coverageOf(architecture: string): Coverage | null {
  const rows = readDataFile<CoverageRows>("coverage.json");
  const row = Object.hasOwn(rows, architecture) ? rows[architecture] : undefined;
  return row === undefined ? null : byAspect((_, i) => tallyOf(row[i] ?? []));
}

export const sumCoverage = (parts: readonly Coverage[]): Coverage =>
  byAspect((aspect) => {
    const sum = (key: keyof Tally): number => parts.reduce((n, part) => n + part[aspect][key], 0);
    return { exact: sum("exact"), unstable: sum("unstable"), wrong: sum("wrong") };
  });

export const recordsOf = ({ exact, unstable, wrong }: Tally): number => exact + unstable + wrong;

/** `11/12`: exact of all; `-` where there is nothing on record. */
export const printTally = (tally: Tally): string => {
  const records = recordsOf(tally);
  return records === 0 ? "-" : `${tally.exact}/${records}`;
};

const tallyOf = ([exact = 0, unstable = 0, wrong = 0]: readonly number[]): Tally => ({ exact, unstable, wrong });

const byAspect = (of: (aspect: Aspect, index: number) => Tally): Coverage =>
  Object.fromEntries(aspects.map((aspect, i) => [aspect, of(aspect, i)])) as Coverage;
