import type { ActivationReport } from "../driver/activation-tally.ts";
import type { Colors } from "./shell.ts";
import { table } from "./table.ts";

const number = (x: number | null): string => x?.toPrecision(4) ?? "-";

/** What each tap gave over all pictures. */
export function activationTable(reports: readonly ActivationReport[], images: number, colors: Colors): string[] {
  const [head = "", ...rows] = table(
    [
      { title: "tap" },
      { title: "module" },
      ...["channels", "mean", "std", "min", "max", "dead"].map((title) => ({ title, align: "right" as const })),
    ],
    reports.map(({ tap, module, channels, mean, std, min, max, dead, not_finite }) => [
      not_finite === 0 ? tap : `${tap} (${not_finite} values not finite)`,
      module ?? "-",
      channels === null ? "-" : String(channels),
      ...[mean, std, min, max].map(number),
      dead === null || channels === null ? "-" : `${dead} (${((100 * dead) / channels).toFixed(1)} %)`,
    ]),
  );
  return [
    colors.bold(head),
    ...rows,
    colors.dim(
      `over ${images} picture${images === 1 ? "" : "s"}; dead channels have one value at every position of each`,
    ),
  ];
}
