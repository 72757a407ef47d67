import type { ListRow } from "../driver/list.ts";
import { aspects, printTally, sumCoverage } from "../frontend/coverage.ts";

/** What `list --supported` says of each row: how many of timm's records of its architecture are compared in full. */
export const coverageColumns = aspects.map((aspect) => ({
  title: aspect,
  align: "right" as const,
  text: ({ coverage }: ListRow) => (coverage === null ? "-" : printTally(coverage[aspect])),
}));

/** Below the table: what docs/coverage.md says of the same architectures. */
export function coverageText(rows: readonly ListRow[]): string {
  const byName = new Map(rows.map(({ architecture, coverage }) => [architecture, coverage]));
  const recorded = [...byName.values()].filter((coverage) => coverage !== null);
  const sum = sumCoverage(recorded);
  const parts = aspects.map((aspect) => `${aspect} ${printTally(sum[aspect])}`);
  return `${recorded.length} of ${byName.size} architectures on record; in full: ${parts.join(", ")}`;
}
