import { expect, it } from "vitest";
import { type Coverage, aspects, coverageOf, printTally, sumCoverage } from "../../src/frontend/coverage.ts";
import { familyOf, listArchitectures, listFamilies } from "../../src/frontend/registry.ts";
import { unsupportedReason } from "../../src/zoo/refused.ts";
import { loadFamily } from "../../src/zoo/registry.ts";
import { type Checked, checkedRecords, countRecords } from "./checked.ts";
import { type Standing, causeOf, causes, standingOf } from "./rounding.ts";

const count = (n: number): string => n.toLocaleString("en-US");
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const tallies = (coverage: Coverage): string[] => aspects.map((aspect) => printTally(coverage[aspect]));

const byArchitecture = new Map<string, Checked[]>();
for (const record of checkedRecords()) {
  const known = byArchitecture.get(record.architecture) ?? [];
  byArchitecture.set(record.architecture, [...known, record]);
}
const recordsOf = (architecture: string): readonly Checked[] => byArchitecture.get(architecture) ?? [];

interface Module {
  readonly name: string;
  readonly architectures: readonly string[];
  /** Of each architecture that is on record. */
  readonly coverage: readonly Coverage[];
  /** Why architectures do not compile, each reason once, and how many they are. */
  readonly refused: ReadonlyMap<string, number>;
}

async function moduleOf(name: string): Promise<Module> {
  const architectures = listArchitectures().filter((architecture) => familyOf(architecture) === name);
  const family = await loadFamily(name);
  const refused = new Map<string, number>();
  for (const architecture of architectures) {
    const reason = unsupportedReason(architecture, name, family);
    if (reason !== null) refused.set(reason, (refused.get(reason) ?? 0) + 1);
  }
  const coverage = architectures.flatMap((architecture) => countRecords(recordsOf(architecture)) ?? []);
  return { name, architectures, coverage, refused };
}

const refusedCount = ({ refused }: Module): number => [...refused.values()].reduce((sum, n) => sum + n, 0);

const moduleRow = (module: Module): string =>
  row([
    module.name,
    String(module.architectures.length),
    String(module.coverage.length),
    ...tallies(sumCoverage(module.coverage)),
    [...module.refused].map(([reason, n]) => `${n}: ${reason}`).join("; "),
  ]);

function totalRow(modules: readonly Module[]): string {
  const sum = (of: (module: Module) => number): string =>
    String(modules.reduce((total, module) => total + of(module), 0));
  const cells = [
    `${modules.length} modules`,
    sum((module) => module.architectures.length),
    sum((module) => module.coverage.length),
    ...tallies(sumCoverage(modules.flatMap(({ coverage }) => coverage))),
    sum(refusedCount),
  ];
  return row(cells.map((cell) => `**${cell}**`));
}

/** An architecture's outputs of a standing, in the order of its records: `features.3, logits (2 of 7 records)`. */
function outputsOf(records: readonly Checked[], standing: Standing): string {
  const having = new Map<string, { all: number; so: number }>();
  for (const { numbers } of records)
    for (const [tap] of numbers?.outputs ?? []) {
      const known = having.get(tap) ?? { all: 0, so: 0 };
      const so = numbers !== undefined && standingOf(numbers, tap) === standing ? 1 : 0;
      having.set(tap, { all: known.all + 1, so: known.so + so });
    }
  return [...having]
    .filter(([, { so }]) => so > 0)
    .map(([tap, { all, so }]) => (all === so ? tap : `${tap} (${so} of ${all} records)`))
    .join(", ");
}

function roundingRows(): string[] {
  return listArchitectures().flatMap((name) => {
    const records = recordsOf(name);
    const [loose, undecidable] = [outputsOf(records, "loose"), outputsOf(records, "undecidable")];
    if (loose === "" && undecidable === "") return [];
    const why = records.flatMap(({ numbers }) => (numbers === undefined ? [] : causeOf(numbers)));
    return [row([name, [...new Set(why)].join(", "), loose, undecidable])];
  });
}

const rounding = (): string[] => [
  "",
  "## Decided by rounding",
  "",
  `With the synthetic weights of the records, the last bit of the input moves these outputs by more than a record allows; no float32 program
is held to more, timm's own included. The other outputs of the same networks agree with their records. Their records are those that the
table above lacks from being complete; [tests/oracle/rounding.ts](../tests/oracle/rounding.ts) has the rules.

- **loosely**: compared, with a tolerance of four times the measured movement, which is less than half of the output's standard deviation.
- **not compared**: outputs that move so far that a comparison would say nothing. Their shapes are checked, and that they do move so far;
  **their numbers have not been compared with timm's**. In batches the stages before them are compared instead. The blocks of starnet,
  ghostnetv3 and visformer, of which this leaves no numbers to the end, are compared with [references written by hand](../tests/zoo/undecidable-blocks.test.ts).

The causes:
`,
  ...Object.entries(causes).map(([name, text]) => `- ${name}: ${text}`),
  "",
  row(["architecture", "cause", "loosely", "not compared"]),
  row(["---", "---", "---", "---"]),
  ...roundingRows(),
];

const titles = ["module", "architectures", "on record", ...aspects, "refused, with the reason"];

const intro = (modules: readonly Module[]): string => {
  const all = listArchitectures().length;
  const compiled = all - modules.reduce((sum, module) => sum + refusedCount(module), 0);
  return `# Coverage

timm 1.0.29 has ${count(all)} architectures in ${modules.length} modules, and timmc compiles ${count(compiled)} of them; \`timmc list --supported\` names each, with these numbers.

A record is what timm itself gave ([tests/oracle/data](../tests/oracle/data/README.md)). \`npm run test:oracle\` compares every record, and a record that does not agree
fails it. \`11/12\` says that there are 12 records, and that 11 of them are compared in full; rounding decides some outputs of the twelfth (below).
An architecture is on record where it has any; the others follow from the same definitions, unchecked.

- **structure**: the names, shapes and types of all parameters and buffers, the input's size, the shapes of all outputs.
- **numerics**: forward_features, pre_logits and logits, alone and in a batch; large networks have a structure alone.
- **features**: the stages of features_only, their channels, reductions and modules, and their numbers where there are any.
- **options**: other arguments than the defaults: structure, numbers where there are any, and refusals of what timm refuses.

\`npm run coverage\` writes this file and data/coverage.json from the records.
`;
};

async function coverageDocument(): Promise<string> {
  const modules = await Promise.all(listFamilies().map(moduleOf));
  const separator = row(titles.map((_, i) => (i === 0 || i === titles.length - 1 ? "---" : "--:")));
  return [intro(modules), row(titles), separator, ...modules.map(moduleRow), totalRow(modules), ...rounding(), ""].join(
    "\n",
  );
}

function coverageData(): string {
  const lines = listArchitectures().flatMap((name) => {
    const coverage = countRecords(recordsOf(name));
    if (coverage === null) return [];
    const cells = aspects.map((aspect) => [coverage[aspect].records, coverage[aspect].rounding]);
    return [`${JSON.stringify(name)}:${JSON.stringify(cells)}`];
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** `npm run coverage` writes both files anew. */
it("data/coverage.json and docs/coverage.md say what the records and the registry say", async () => {
  await expect(coverageData()).toMatchFileSnapshot("../../data/coverage.json");
  await expect(await coverageDocument()).toMatchFileSnapshot("../../docs/coverage.md");
});

it("an architecture has the coverage that its records have", () => {
  expect([...byArchitecture.keys()].filter((name) => coverageOf(name) === null)).toEqual([]);
  const total = sumCoverage(listArchitectures().flatMap((name) => coverageOf(name) ?? []));
  const records = [...byArchitecture.values()].reduce((sum, of) => sum + of.length, 0);
  expect(aspects.reduce((sum, aspect) => sum + total[aspect].records, 0)).toBe(records);
});
