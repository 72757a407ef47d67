import { readDataFile } from "./data.ts";

/** What is compared with timm. */
export const aspects = ["structure", "numerics", "features", "options"] as const;
export type Aspect = (typeof aspects)[number];

/** Records of timm. */
export interface Tally {
  readonly records: number;
  /** Of these, records with outputs that rounding decides: the others of their outputs are held to them. */
  readonly rounding: number;
}

/** The records of an architecture, or of several, that `npm run test:oracle` holds timmc to. */
export type Coverage = { readonly [A in Aspect]: Tally };

/** data/coverage.json: a row per architecture on record, [records, rounding] for each aspect. */
type CoverageRows = Readonly<Record<string, readonly (readonly number[])[]>>;

/** An architecture's records; null where it has none. */
export function coverageOf(architecture: string): Coverage | null {
  const rows = readDataFile<CoverageRows>("coverage.json");
  const row = Object.hasOwn(rows, architecture) ? rows[architecture] : undefined;
  return row === undefined ? null : byAspect((_, i) => tallyOf(row[i] ?? []));
}

export const sumCoverage = (parts: readonly Coverage[]): Coverage =>
  byAspect((aspect) => {
    const sum = (key: keyof Tally): number => parts.reduce((n, part) => n + part[aspect][key], 0);
    return { records: sum("records"), rounding: sum("rounding") };
  });

/** `11/12`: in full of all; `-` where there is nothing on record. */
export const printTally = ({ records, rounding }: Tally): string =>
  records === 0 ? "-" : `${records - rounding}/${records}`;

const tallyOf = ([records = 0, rounding = 0]: readonly number[]): Tally => ({ records, rounding });

export const byAspect = (of: (aspect: Aspect, index: number) => Tally): Coverage =>
  Object.fromEntries(aspects.map((aspect, i) => [aspect, of(aspect, i)])) as Coverage;
