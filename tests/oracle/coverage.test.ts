import { describe, expect, it } from "vitest";
import {
  type Aspect,
  type Coverage,
  type CoverageRows,
  aspects,
  coverageOf,
  printTally,
  recordsOf,
  sumCoverage,
} from "../../src/frontend/coverage.ts";
import { familyOf, listArchitectures, listFamilies } from "../../src/frontend/registry.ts";
import { unsupportedReason } from "../../src/zoo/refused.ts";
import { loadFamily } from "../../src/zoo/registry.ts";
import { coverageFile } from "./full/coverage-reporter.ts";
import { checkedRecords, numbersTest, testKey, verdicts } from "./full/verdicts.ts";

const count = (n: number): string => n.toLocaleString("en-US");
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const tallies = (coverage: Coverage): string[] => aspects.map((aspect) => printTally(coverage[aspect]));

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
  const coverage = architectures.flatMap((architecture) => coverageOf(architecture) ?? []);
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

/** The architectures with records that came out so. */
function listed(which: "unstable" | "wrong", title: string, text: string): string[] {
  const names = listArchitectures().flatMap((name) => {
    const coverage = coverageOf(name);
    const of = coverage === null ? [] : aspects.filter((aspect) => coverage[aspect][which] > 0);
    return of.length === 0 || coverage === null
      ? []
      : [`- ${name}: ${of.map((aspect) => `${aspect} ${coverage[aspect][which]}`).join(", ")}`];
  });
  return names.length === 0 ? [] : ["", `## ${title}`, "", text, "", ...names];
}

const unstableText = `In these records the last bit of the input moves some outputs by more than a record allows; the others agree. They are not counted as
exact: [tests/oracle/unstable.ts](../tests/oracle/unstable.ts) says which, why, and what they are held to.`;

const titles = [
  "module",
  "architectures",
  "on record",
  ...aspects.map((a) => `${a} exact`),
  "refused, with the reason",
];

const intro = (modules: readonly Module[]): string => {
  const all = listArchitectures().length;
  const compiled = all - modules.reduce((sum, module) => sum + refusedCount(module), 0);
  return `# Coverage

timm 1.0.29 has ${count(all)} architectures in ${modules.length} modules, and timmc compiles ${count(compiled)} of them; \`timmc list --supported\` names each, with these numbers.

\`11/12\` says that 11 of the 12 records of timm ([tests/oracle/data](../tests/oracle/data/README.md)) came out as recorded. An architecture
is on record where timm's own results are kept in this repository; the others follow from the same definitions, unchecked.

- **structure**: the names and shapes of all parameters and buffers, the input's size, the shapes of all outputs.
- **numerics**: forward_features, pre_logits and logits, alone and in a batch; large networks have a structure alone.
- **features**: the stages of features_only, their channels, reductions and modules, and their numbers where there are any.
- **options**: other arguments than the defaults: structure, numbers where there are any, and refusals of what timm refuses.

\`npm run test:oracle\` checks every record and writes data/coverage.json, \`npm run coverage\` this file.
`;
};

/** `npm run coverage` writes the file anew. */
it("docs/coverage.md says what the registry and the checked records say", async () => {
  const modules = await Promise.all(listFamilies().map(moduleOf));
  const separator = row(titles.map((_, i) => (i === 0 || i === titles.length - 1 ? "---" : "--:")));
  const text = [
    intro(modules),
    row(titles),
    separator,
    ...modules.map(moduleRow),
    totalRow(modules),
    ...listed("unstable", "Decided by rounding", unstableText),
    ...listed("wrong", "Wrong", "These differ from timm."),
    "",
  ].join("\n");
  await expect(text).toMatchFileSnapshot("../../docs/coverage.md");
});

describe("data/coverage.json", () => {
  it("has the records of an aspect where all of their tests ran, and keeps what it had otherwise", () => {
    const mine = checkedRecords().filter(({ architecture }) => architecture === "resnet18");
    const names = mine.flatMap(({ structure = [], numbers }) => [
      ...structure.slice(-1),
      ...(numbers === undefined ? [] : [numbersTest(numbers)]),
    ]);
    const outcomes = new Map(names.map((name) => [testKey(name), true]));
    const rowOf = (before: CoverageRows): readonly (readonly number[])[] | undefined =>
      (JSON.parse(coverageFile(verdicts(outcomes), before)) as CoverageRows)["resnet18"];
    const of = (aspect: Aspect): number => mine.filter((record) => record.aspect === aspect).length;
    expect(rowOf({})).toEqual(aspects.map((aspect) => [of(aspect), 0, 0]));
    const numbers = "resnet computes what timm computes > resnet18";
    outcomes.set(numbers, false);
    expect(rowOf({})?.[1]).toEqual([0, 0, 1]);
    outcomes.delete(numbers);
    const before = [
      [9, 0, 0],
      [8, 0, 0],
      [7, 0, 0],
      [6, 0, 0],
    ];
    expect(rowOf({ resnet18: before })).toEqual(aspects.map((a) => (a === "numerics" ? before[1] : [of(a), 0, 0])));
  });

  it("counts every record; npm run test:oracle writes it anew", () => {
    const onRecord = new Map<string, Record<Aspect, number>>();
    for (const { architecture, aspect } of checkedRecords()) {
      const known = onRecord.get(architecture) ?? { structure: 0, numerics: 0, features: 0, options: 0 };
      known[aspect] += 1;
      onRecord.set(architecture, known);
    }
    const stale = listArchitectures().flatMap((name) => {
      const [coverage, records] = [coverageOf(name), onRecord.get(name)];
      const differ = aspects.filter(
        (aspect) => (coverage === null ? 0 : recordsOf(coverage[aspect])) !== (records?.[aspect] ?? 0),
      );
      return differ.length === 0 ? [] : [`${name}: ${differ.join(", ")}`];
    });
    expect(stale).toEqual([]);
  });
});
