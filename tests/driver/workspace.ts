import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type CompileRequest, compile } from "../../src/driver/compile.ts";
import type { Manifest } from "../../src/driver/manifest.ts";
import type { Pipeline } from "../../src/passes/pass.ts";
import { TimmcError } from "../../src/ir/error.ts";

/** The small trained network that the package ships, and its pictures. */
export const shapesModel = join(import.meta.dirname, "../../examples/models/test_resnet.shapes");
export const pictures = join(import.meta.dirname, "../../examples/models/pictures");

/** A temporary folder for the tests of one file; gives the path of an entry in it. */
export function temporaryFolder(): (name: string) => string {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "timmc-test-"));
  });
  // Installed packages are thousands of files.
  afterAll(() => rmSync(folder, { recursive: true }), 60_000);
  return (name) => join(folder, name);
}

/** test_resnet at 64 pixels with the recipe's weights, or what the request says instead. */
export const compileTiny = (
  out: string,
  request: Partial<CompileRequest> = {},
  pipeline?: Pipeline,
): Promise<Manifest> =>
  compile({ model: "test_resnet", weights: "synthetic", inputSize: [3, 64, 64], out, ...request }, pipeline);

/** The TimmcError that a promise ends in, as the user reads it. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TimmcError) return `${error.code}: ${error.describe()}`;
    throw error;
  }
  return "no refusal";
}
