import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HashingFileSink, type WrittenFile } from "../backends/file-sink.ts";
import { TimmcError } from "../ir/error.ts";
import { makeFolder } from "./make-folder.ts";

export const manifestName = "manifest.json";
export const certificateName = "certificate.json";

/** Makes the folder and takes an older manifest away first: from here until the new one it is not an artifact. */
export function beginArtifact(folder: string): void {
  try {
    makeFolder(folder);
    for (const name of [manifestName, certificateName]) rmSync(join(folder, name), { force: true });
  } catch (error) {
    throw new TimmcError(
      "io",
      `cannot write the output folder ${folder}: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: "choose another folder with -o",
        cause: error,
      },
    );
  }
}

/** Writes a whole file under its name at once. */
export function writeWhole(path: string, content: string | Uint8Array): WrittenFile {
  const sink = new HashingFileSink(path);
  try {
    sink.write(typeof content === "string" ? Buffer.from(content) : content);
    return sink.commit();
  } catch (error) {
    sink.abort();
    throw error;
  }
}

/** SHA-256 of a file in lower-case hexadecimal, read in pieces. */
export function hashFile(path: string): string {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(4 << 20);
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    for (;;) {
      const n = readSync(descriptor, buffer);
      if (n === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, n));
    }
  } catch (error) {
    throw new TimmcError("io", `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
