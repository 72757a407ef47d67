import type { Manifest } from "../driver/manifest.ts";
import type { PassTrace } from "../driver/pass-observers.ts";
import type { Colors } from "./shell.ts";
import { table, wrapped } from "./table.ts";
import { byteQuantity, quantity } from "./units.ts";

interface Row {
  /** Which run of the pipeline it is, from 1. */
  readonly nth: number;
  readonly report: Manifest["passes"][number];
  readonly trace: PassTrace;
}

/**
 * What the passes made of a network: its sizes before and after, and, where they were traced, what each pass did, with its
 * time; no text that could be broken is wider than `width`.
 */
export function passLines(
  manifest: Manifest,
  traces: readonly PassTrace[],
  { colors, width }: { readonly colors: Colors; readonly width: number },
): string[] {
  const sizes = [...sizeTable(manifest, colors), ""];
  const rows = manifest.passes.flatMap((report, i): Row[] => {
    const trace = traces[i];
    return trace === undefined ? [] : [{ nth: i + 1, report, trace }];
  });
  if (manifest.passes.length === 0) return [...sizes, "no passes"];
  if (rows.length === 0) return sizes;
  const isActive = ({ report }: Row): boolean => Object.values(report.counts).some((n) => n > 0);
  const active = rows.filter(isActive);
  const idle = rows.filter((row) => !isActive(row)).map(({ nth, report }) => `${report.pass} (${nth})`);
  return [
    ...sizes,
    ...(active.length > 0 ? activeTable(active, colors) : []),
    ...(active.length > 0 ? wrapped(explanation(active), width) : []),
    ...(idle.length > 0 ? wrapped(`nothing to do: ${idle.join(", ")}`, width) : []),
    `passes took ${time(rows.reduce((sum, { trace }) => sum + trace.milliseconds, 0))}`,
  ];
}

/** The model before is not emitted, so it has no ONNX nodes to count; other targets have none. */
function sizeTable({ macs, macs_optimized, graph }: Manifest, colors: Colors): string[] {
  const { nodes, weight_bytes, onnx_nodes } = graph;
  const [head = "", ...rows] = table(
    [{ title: "" }, { title: "before", align: "right" }, { title: "after", align: "right" }, { title: "" }],
    [
      ["operations", String(nodes.before), String(nodes.after), "of the graph, per run"],
      ...(onnx_nodes === null
        ? []
        : [["ONNX nodes", "-", String(onnx_nodes), "in the model file; what was before is not written"]]),
      ["MACs", quantity(macs), quantity(macs_optimized), "multiply-accumulates per image"],
      ["weights", byteQuantity(weight_bytes.before), byteQuantity(weight_bytes.after), "that the outputs need"],
    ],
  );
  return [colors.bold(head), ...rows];
}

/** A pass on its own line with what it left, its rules below it where they have other names. */
function activeTable(rows: readonly Row[], colors: Colors): string[] {
  const [head = "", ...lines] = table(
    [
      { title: "", align: "right" },
      { title: "pass" },
      { title: "changes", align: "right" },
      { title: "operations", align: "right" },
      { title: "MACs", align: "right" },
      { title: "time", align: "right" },
    ],
    rows.flatMap(({ nth, report, trace }) => {
      const fired = Object.entries(report.counts).filter(([, n]) => n > 0);
      const all = fired.reduce((sum, [, n]) => sum + n, 0);
      const left = trace.leavesRunning ? ["same", "same"] : [String(report.nodes), quantity(report.macs)];
      const rules = fired.length === 1 && fired[0]?.[0] === report.pass ? [] : fired;
      return [
        [String(nth), report.pass, String(all), ...left, time(trace.milliseconds)],
        ...rules.map(([rule, n]) => ["", `  ${rule}`, String(n)]),
      ];
    }),
  );
  return [colors.bold(head), ...lines];
}

const explanation = (rows: readonly Row[]): string =>
  "Passes ran in this order. changes: what a pass rewrote; operations and MACs: what it left to run" +
  (rows.some(({ trace }) => trace.leavesRunning) ? "; same: only weights and unused values changed." : ".");

const time = (ms: number): string => `${ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
