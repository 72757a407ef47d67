import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { CompileRequest } from "../../../src/driver/compile.ts";

/** The smallest network with large and small tensors. */
export const tiny = (out: string): CompileRequest => ({
  model: "test_resnet",
  weights: "synthetic",
  inputSize: [3, 64, 64],
  out,
});

/** Every file of a folder by its path, in base64. */
export const bytesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted()
      .map((path) => [path.slice(folder.length + 1), readFileSync(path).toString("base64")]),
  );
