import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import { type CoverageRows, aspects } from "../../../src/frontend/coverage.ts";
import { listArchitectures } from "../../../src/frontend/registry.ts";
import { type Outcomes, type Verdict, type Verdicts, testKey, verdicts } from "./verdicts.ts";

const file = join(import.meta.dirname, "../../../data/coverage.json");

/** Writes data/coverage.json after a run. One of some tests renews the aspects of which it ran all of an architecture's. */
export const coverageReporter: Reporter = {
  onTestRunEnd(modules) {
    const before = JSON.parse(readFileSync(file, "utf8")) as CoverageRows;
    writeFileSync(file, coverageFile(verdicts(outcomesOf(modules)), before));
  },
};

/** The text of data/coverage.json, with the rows of before where there are no verdicts. */
export function coverageFile(found: ReadonlyMap<string, Verdicts>, before: CoverageRows): string {
  const lines = listArchitectures().flatMap((name) => {
    const verdictsOf = found.get(name);
    if (verdictsOf === undefined) return [];
    const row = aspects.map((aspect, i) => counts(verdictsOf[aspect]) ?? before[name]?.[i] ?? [0, 0, 0]);
    return [`${JSON.stringify(name)}:${JSON.stringify(row)}`];
  });
  return `{\n${lines.join(",\n")}\n}\n`;
}

const columns: readonly Verdict[] = ["exact", "unstable", "wrong"];

const counts = (of: readonly Verdict[] | undefined): number[] | undefined =>
  of && columns.map((verdict) => of.filter((v) => v === verdict).length);

/** Of tests that ran to an end. */
function outcomesOf(modules: readonly TestModule[]): Outcomes {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const ended = tests.filter((test) => ["passed", "failed"].includes(test.result().state));
  return new Map(ended.map((test) => [testKey(test.fullName), test.result().state === "passed"]));
}
