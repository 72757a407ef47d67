import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitOnnx } from "../backends/onnx/emit.ts";
import { type Parameters, weightEnvironment } from "../backends/parameters.ts";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import { interpret } from "../ir/interpret.ts";
import { type NdArray, ndarray } from "../ir/ndarray.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { OrtRuntime, SessionOptions } from "../runtime/ort.ts";
import type { Session } from "../runtime/session.ts";
import { writeModel } from "./artifact-model.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import { symbolsIn } from "./input-shape.ts";
import { modelFiles } from "./layout/layout.ts";
import type { OnnxOps } from "./manifest.ts";
import type { Outputs } from "./verify-compare.ts";
import { version } from "./version.ts";

/** What it takes to run a graph. */
export interface GraphRunner {
  readonly ort: OrtRuntime;
  readonly parameters: Parameters;
  readonly opset: number;
  /** Which operators an emitted graph may have. */
  readonly ops: OnnxOps;
  readonly signal: AbortSignal | undefined;
}

/**
 * Emits a graph into a temporary folder, runs it in ONNX Runtime on every input, and takes the folder away again. By
 * default ONNX Runtime executes the nodes as they are written.
 */
export const runGraph = (
  runner: GraphRunner,
  graph: Graph,
  inputs: readonly NpyArray[],
  optimization: SessionOptions["optimization"] = "disabled",
): Promise<Outputs[]> => withGraph(runner, graph, optimization, (session) => runAll(runner, session, inputs));

/** The same with the session in the caller's hands. */
export async function withGraph<T>(
  { ort, parameters, opset, ops, signal }: GraphRunner,
  graph: Graph,
  optimization: SessionOptions["optimization"],
  body: (session: Session) => Promise<T>,
): Promise<T> {
  return withTemporaryFolder(async (folder) => {
    const emitted = emitOnnx(graph, parameters, { opset, ops, producerVersion: version, metadata: [] });
    await writeModel(folder, emitted, { hasWeights: true, signal });
    return withModel(ort, join(folder, modelFiles.plain.model), optimization, body);
  });
}

/** Gives a folder that is taken away again. */
export async function withTemporaryFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = temporaryFolder();
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withModel<T>(
  ort: OrtRuntime,
  path: string,
  optimization: SessionOptions["optimization"],
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await ort.open(path, { optimization });
  try {
    return await body(session);
  } finally {
    await session.close();
  }
}

/** Runs a session on every input. */
export async function runAll(
  { signal }: Pick<GraphRunner, "signal">,
  session: Session,
  inputs: readonly NpyArray[],
): Promise<Outputs[]> {
  const results: Outputs[] = [];
  for (const input of inputs) {
    refuseInterrupted(signal);
    results.push(await session.run(input));
  }
  return results;
}

/** Runs a graph in float64, by the ops' own definitions: slow, and independent of every backend. Results are rounded once. */
export function interpretGraph(
  { parameters }: Pick<GraphRunner, "parameters">,
  graph: Graph,
  input: NpyArray,
): Outputs {
  const { dtype, shape, data } = input;
  if (dtype !== "f32" && dtype !== "u8")
    throw new TimmcError("unsupported", `the interpreter is fed f32 or u8, not ${dtype}`);
  const fed = [...graph.values()].find((value) => value.op === "input");
  if (fed === undefined) throw new TimmcError("invalid-ir", "the graph has no input");
  const results = interpret(graph, {
    ...weightEnvironment(parameters),
    symbols: symbolsIn(fed.type.shape, shape),
    input: () => ndarray(dtype, shape, dtype === "f32" ? data : Float64Array.from(data)),
  });
  return new Map([...results].map(([name, result]) => [name, rounded(result)]));
}

const rounded = ({ dtype, shape, data }: NdArray): NpyArray =>
  dtype === "f32"
    ? { dtype, shape, data: Float32Array.from(data) }
    : { dtype: "f64", shape, data: Float64Array.from(data) };

function temporaryFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), "timmc-run-"));
  } catch (cause) {
    throw new TimmcError("io", `no temporary folder can be made: ${messageOf(cause)}`, {
      trail: [tmpdir()],
      hint: "Set TMPDIR to a folder that is writable.",
      cause,
    });
  }
}
