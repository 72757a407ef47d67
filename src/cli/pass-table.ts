import type { Manifest } from "../driver/manifest.ts";
import type { Colors } from "./shell.ts";
import { table } from "./table.ts";
import { byteQuantity, quantity } from "./units.ts";

/** What the passes made of a network: its sizes before and after, and what each pass did, with its time. */
export function passLines(manifest: Manifest, milliseconds: readonly number[], colors: Colors): string[] {
  const { passes } = manifest;
  const rows = passes.map((report, i) => ({ report, ms: milliseconds[i] ?? 0 }));
  const active = rows.filter(({ report }) => Object.values(report.counts).some((n) => n > 0));
  const busy = new Set(active.map(({ report }) => report.pass));
  const idle = new Set(passes.map(({ pass }) => pass).filter((pass) => !busy.has(pass)));
  if (passes.length === 0) return [...sizeTable(manifest, colors), "", "no passes"];
  return [
    ...sizeTable(manifest, colors),
    "",
    ...(active.length > 0 ? activeTable(active, colors) : []),
    ...(idle.size > 0 ? [`nothing to do: ${[...idle].join(", ")}`] : []),
    `passes took ${time(milliseconds.reduce((sum, ms) => sum + ms, 0))}`,
  ];
}

function sizeTable({ macs, macs_optimized, graph }: Manifest, colors: Colors): string[] {
  const { nodes, weight_bytes, onnx_nodes } = graph;
  const [head = "", ...rows] = table(
    [{ title: "" }, { title: "before", align: "right" }, { title: "after", align: "right" }, { title: "" }],
    [
      ["graph nodes", String(nodes.before), String(nodes.after), "values that run"],
      ["ONNX nodes", "", String(onnx_nodes), ""],
      ["MACs", quantity(macs), quantity(macs_optimized), "per image"],
      [
        "weights",
        byteQuantity(weight_bytes.before),
        byteQuantity(weight_bytes.after),
        "parameters and buffers before, initializers after",
      ],
    ],
  );
  return [colors.bold(head), ...rows];
}

interface Row {
  readonly report: Manifest["passes"][number];
  readonly ms: number;
}

function activeTable(rows: readonly Row[], colors: Colors): string[] {
  const [head = "", ...lines] = table(
    [
      { title: "pass" },
      { title: "rule" },
      { title: "fired", align: "right" },
      { title: "nodes", align: "right" },
      { title: "MACs", align: "right" },
      { title: "time", align: "right" },
    ],
    rows.flatMap(({ report, ms }) =>
      Object.entries(report.counts)
        .filter(([, n]) => n > 0)
        .map(([rule, n], i) => {
          const fired = [rule === report.pass ? "" : rule, String(n)];
          return i === 0
            ? [report.pass, ...fired, String(report.nodes), quantity(report.macs), time(ms)]
            : ["", ...fired];
        }),
    ),
  );
  return [colors.bold(head), ...lines];
}

const time = (ms: number): string => `${ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
