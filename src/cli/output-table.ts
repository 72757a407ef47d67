import type { ManifestOutput } from "../driver/manifest.ts";
import type { Colors } from "./shell.ts";
import { table } from "./table.ts";
import { shapeText } from "./units.ts";

/** The outputs of a compiled model, as inspect and compile print them. */
export function outputTable(outputs: readonly ManifestOutput[], colors: Colors): string[] {
  const [head = "", ...rows] = table(
    [{ title: "output" }, { title: "type" }, { title: "module" }, { title: "format" }],
    outputs.map((o) => [o.name, `${o.dtype}${shapeText(o.shape)}`, o.module ?? "-", o.format ?? "-"]),
  );
  return [colors.bold(head), ...rows];
}
