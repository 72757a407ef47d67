import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { runCommandLine } from "../src/cli/main.ts";
import { createShell } from "../src/cli/shell.ts";
import { TimmcError } from "../src/ir/error.ts";

/** How an artifact is compiled, in the words of the command line. */
export interface CompileSettings {
  readonly level: string;
  readonly onnxOps?: string | undefined;
  /** Passes by name in place of the level's. */
  readonly passes?: string | undefined;
  readonly opset?: number | undefined;
  readonly batch?: number | undefined;
  /** The recipe's, or none for the structure alone; default `synthetic`. */
  readonly weights?: "synthetic" | "none" | undefined;
  /** Default `onnx`. */
  readonly target?: string | undefined;
}

/** Compiles a model with the recipe's weights, as a user does on the command line, and gives the model's path. */
export async function compileArtifact(
  model: string,
  folder: string,
  { level, onnxOps, passes, opset, batch, weights = "synthetic", target }: CompileSettings,
  signal: AbortSignal,
): Promise<string> {
  const said: string[] = [];
  const errors = { isTerminal: false, write: (text: string) => void said.push(text) };
  const quiet = createShell({
    stdout: { isTerminal: false, write: () => {} },
    stderr: errors,
    signal,
    color: false,
  });
  const options = ["-o", folder, "--weights", weights, "-O", level];
  if (onnxOps !== undefined) options.push("--onnx-ops", onnxOps);
  if (passes !== undefined) options.push("--passes", passes);
  if (opset !== undefined) options.push("--opset", String(opset));
  if (target !== undefined) options.push("--target", target);
  if (batch !== undefined) options.push("--batch", String(batch));
  const status = await runCommandLine(["compile", model, ...options], quiet);
  if (signal.aborted) throw new TimmcError("interrupted", "stopped while compiling");
  if (status !== 0)
    throw new TimmcError(
      "usage",
      `timmc compile ${model} ${options.join(" ")}: ${said
        .join("")
        .trim()
        .replace(/^timmc: /, "")}`,
    );
  return path.join(folder, "model.onnx");
}

/** A model file of another origin: `folder/MODEL/model.onnx`, as --keep leaves it, or `folder/MODEL.onnx`. */
export function findModelFile(folder: string, model: string): string {
  const places = [path.join(folder, model, "model.onnx"), path.join(folder, `${model}.onnx`)];
  const found = places.find((place) => existsSync(place));
  if (found === undefined)
    throw new TimmcError("io", `there is neither ${places.join(" nor ")}`, { hint: "Name other --models." });
  return found;
}

/** Of a model file and the data files that go by its name. */
export function modelBytes(file: string): number {
  const folder = path.dirname(file);
  return readdirSync(folder)
    .filter((name) => name.startsWith(path.basename(file)))
    .reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
