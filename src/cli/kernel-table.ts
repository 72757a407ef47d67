import type { ArenaReport, KernelReport } from "../driver/kernel-facts.ts";
import type { Shell } from "./shell.ts";
import { type Column, table } from "./table.ts";
import { byteQuantity, quantity } from "./units.ts";

const columns: readonly Column[] = [
  { title: "", align: "right" },
  { title: "stores" },
  { title: "computes" },
  { title: "grid", align: "right" },
  { title: "threads", align: "right" },
  { title: "read", align: "right" },
  { title: "weights", align: "right" },
  { title: "written", align: "right" },
  { title: "FLOPs", align: "right" },
  { title: "shared", align: "right" },
  { title: "bindings", align: "right" },
];

/** The kernels of a model in the order in which they run, what they cost together, and the memory that they share. */
export function kernelTable(
  { steps, totals, arena, batch, target, precision }: KernelReport,
  colors: Shell["colors"],
): string[] {
  const costs = (of: typeof totals | (typeof steps)[number]): string[] => [
    ...[of.bytes_read, of.weight_bytes, of.bytes_written].map(byteQuantity),
    quantity(of.flops),
  ];
  const rows = steps.map((s) => [
    String(s.step),
    s.name,
    s.computes.join(" + "),
    s.grid.join("x"),
    String(s.threads),
    ...costs(s),
    s.workgroup_bytes === 0 ? "-" : byteQuantity(s.workgroup_bytes),
    String(s.bindings.length),
  ]);
  const sum = ["", "total", "", "", "", ...costs(totals), "", ""];
  const [head = "", ...lines] = table(columns, [...rows, sum]);
  const kernels = `${totals.steps} ${totals.steps === 1 ? "kernel" : "kernels"}`;
  return [
    `${kernels} for ${target} in ${precision} at batch ${batch}`,
    arenaLine(arena),
    "",
    colors.bold(head),
    ...lines.slice(0, -1),
    colors.bold(lines.at(-1) ?? ""),
    colors.dim("bytes of distinct elements in the device's memory; shared is memory of a workgroup"),
  ];
}

const arenaLine = ({ bytes, lower_bound: bound, tensors }: ArenaReport): string =>
  `arena ${byteQuantity(bytes)} for ${tensors.length} tensors; the most that is alive at one step is ` +
  `${byteQuantity(bound)} (${(bytes / bound).toFixed(2)} of it)`;
