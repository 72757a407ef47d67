import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Shell } from "../src/cli/shell.ts";
import { table } from "../src/cli/table.ts";
import { byteQuantity } from "../src/cli/units.ts";
import { calibrate } from "../src/driver/calibrate/calibrate.ts";
import { readCalibration } from "../src/driver/calibrate/read-calibration.ts";
import { picturesOf } from "../src/driver/calibrate/pictures.ts";
import { compile } from "../src/driver/compile.ts";
import { runImages } from "../src/driver/run.ts";
import { TimmcError } from "../src/ir/error.ts";
import type { Precision } from "../src/passes/precision/precision.ts";

export interface AccuracyOptions {
  readonly calibration: string;
  readonly evaluation: string;
  readonly precisions: readonly Precision[];
  readonly opset?: number;
}

/** How often the first class of pictures whose names begin with their label is that label, and that of float32. */
export async function benchAccuracy(models: readonly string[], options: AccuracyOptions, shell: Shell): Promise<void> {
  const pictures = picturesOf([options.evaluation]);
  const rows: string[][] = [];
  for (const model of models) {
    const folder = mkdtempSync(path.join(tmpdir(), "timmc-accuracy-"));
    try {
      rows.push(...(await measured(model, pictures, options, folder, shell)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const right = { align: "right" } as const;
  shell.print(
    table(
      [
        { title: "model" },
        { title: "precision" },
        { title: "accuracy", ...right },
        { title: "as fp32", ...right },
        { title: "size", ...right },
        { title: "of fp32's", ...right },
      ],
      rows,
    ).join("\n"),
  );
}

async function measured(
  model: string,
  pictures: readonly string[],
  { calibration: from, precisions, opset }: AccuracyOptions,
  folder: string,
  shell: Shell,
): Promise<string[][]> {
  const { signal, status: progress } = shell;
  const file = path.join(folder, "calibration.json");
  await calibrate({ model, pictures: [from], opset, out: file, signal, progress });
  const top = async (precision: Precision): Promise<{ readonly bytes: number; readonly labels: readonly string[] }> => {
    const out = path.join(folder, precision);
    const calibration = precision === "fp32" ? undefined : readCalibration(file);
    await compile({ model, precision, calibration, opset, out, signal, progress });
    const reports = await runImages(out, pictures, { top: 1, signal, progress });
    return {
      bytes: statSync(path.join(out, "model.onnx")).size,
      labels: reports.map((r) => r.top?.[0]?.label ?? ""),
    };
  };
  const reference = await top("fp32");
  const share = (labels: readonly string[], of: (i: number) => string | undefined): string =>
    `${((100 * labels.filter((label, i) => label === of(i)).length) / labels.length).toFixed(2)} %`;
  const rows: string[][] = [];
  for (const precision of precisions) {
    const { bytes, labels } = precision === "fp32" ? reference : await attempt(() => top(precision), shell);
    rows.push([
      path.basename(model),
      precision,
      labels.length === 0 ? "refused" : share(labels, (i) => labelOf(pictures[i] ?? "")),
      labels.length === 0 ? "-" : share(labels, (i) => reference.labels[i]),
      bytes === 0 ? "-" : byteQuantity(bytes),
      bytes === 0 ? "-" : (bytes / reference.bytes).toFixed(3),
    ]);
  }
  return rows;
}

/** A precision that loses too much is a row of its own. */
async function attempt<T extends { readonly bytes: number; readonly labels: readonly string[] }>(
  body: () => Promise<T>,
  shell: Shell,
): Promise<T | { readonly bytes: 0; readonly labels: readonly string[] }> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof TimmcError) || error.code === "interrupted") throw error;
    shell.note(error.message);
    return { bytes: 0, labels: [] };
  }
}

/** `cross-012.png` shows a cross. */
const labelOf = (picture: string): string => path.basename(picture).replace(/-[^-]*$/, "");
