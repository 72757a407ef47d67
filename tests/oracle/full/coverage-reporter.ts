import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import type { CoverageRows } from "../../../src/frontend/coverage.ts";
import { listArchitectures } from "../../../src/frontend/registry.ts";
import { type Outcomes, type Verdict, testKey, verdicts } from "./verdicts.ts";

const file = join(import.meta.dirname, "../../../data/coverage.json");

/**
 * Writes data/coverage.json from a run of every record. A run of some tests renews the architectures of which it ran all,
 * and leaves the others as they are.
 */
export const coverageReporter: Reporter = {
  onTestRunEnd(modules) {
    const rows = JSON.parse(readFileSync(file, "utf8")) as CoverageRows;
    const found = verdicts(outcomesOf(modules));
    const lines = listArchitectures().flatMap((name) => {
      const row = found.get(name)?.map(counts) ?? rows[name];
      return row === undefined ? [] : [`${JSON.stringify(name)}:${JSON.stringify(row)}`];
    });
    writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`);
    console.log(`data/coverage.json: ${found.size} architectures anew; npm run coverage writes docs/coverage.md`);
  },
};

const columns: readonly Verdict[] = ["exact", "unstable", "wrong"];

const counts = (of: readonly Verdict[]): number[] => columns.map((verdict) => of.filter((v) => v === verdict).length);

/** Of tests that ran to an end. */
function outcomesOf(modules: readonly TestModule[]): Outcomes {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const ended = tests.filter((test) => ["passed", "failed"].includes(test.result().state));
  return new Map(ended.map((test) => [testKey(test.fullName), test.result().state === "passed"]));
}
