import { dirname, relative, resolve, sep } from "node:path";
import { existsSync } from "node:fs";
import { TimmcError } from "../../ir/error.ts";
import { writeWhole } from "../artifact-files.ts";
import type { BuildSummary } from "../build/summary.ts";
import { reportPage } from "./page.ts";

interface ReportOptions {
  /** The folder of the artifacts. */
  readonly out: string;
  readonly cache?: Parameters<typeof reportPage>[1]["cache"];
}

/** Writes the page of a build, whose links lead to the artifacts from where it is. Throws TimmcError `io`. */
export function writeReport(file: string, summary: BuildSummary, { out, cache }: ReportOptions): void {
  if (existsSync(`${file}/.`)) throw new TimmcError("io", "this is a folder, not a file", { trail: [file] });
  const artifacts = relative(dirname(resolve(file)), resolve(out))
    .split(sep)
    .join("/");
  writeWhole(file, reportPage(summary, { artifacts, cache }));
}
