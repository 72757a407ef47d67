import type { Session } from "./session.ts";
import type * as Ort from "onnxruntime-node";
import { bytesOf, viewAs } from "../ir/bytes.ts";
import { codeOf, messageLineOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import type { NpyArray } from "./npy.ts";

export interface SessionOptions {
  /** `all` is what users run; `disabled` executes the graph as it is written. */
  readonly optimization?: "all" | "disabled" | undefined;
  /** Threads of one operator; default: one per core. */
  readonly threads?: number | undefined;
  /** Whether idle threads wait in a loop: an answer comes sooner, and the cores are taken from everybody else. Default yes. */
  readonly spinning?: boolean | undefined;
  /** Records what every node takes; `close` completes the file, a JSON array of trace events at this path, a time and `.json`. */
  readonly profile?: string | undefined;
}

/** onnxruntime-node behind the few calls that timmc makes. */
export interface OrtRuntime {
  readonly version: string;
  /** Loads a model file with one input. Throws `unsupported` with ONNX Runtime's own words where it refuses the model. */
  open(path: string, options?: SessionOptions): Promise<Session>;
}

/** Loads onnxruntime-node, an optional package. Throws `dependency` with how to install it. */
export async function loadOrt(): Promise<OrtRuntime> {
  const ort = await importOrt();
  return {
    version: ort.env.versions.node ?? ort.env.versions.common,
    open: (path, options = {}) => openSession(ort, path, options),
  };
}

async function importOrt(): Promise<typeof Ort> {
  // From 1.29 on, ONNX Runtime reports usage over the network and writes its log into the temporary folder; it reads this
  // once, when it loads. A value that the user has set stays.
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    const missing = codeOf(cause) === "ERR_MODULE_NOT_FOUND";
    throw new TimmcError(
      "dependency",
      missing
        ? "running a model needs the optional package onnxruntime-node, which is not installed"
        : `the package onnxruntime-node does not load on this system: ${messageLineOf(cause)}`,
      { hint: "Install it beside timmc: npm install onnxruntime-node", cause },
    );
  }
}

async function openSession(ort: typeof Ort, path: string, options: SessionOptions): Promise<Session> {
  const session = await refusedWith(path, "load", () =>
    ort.InferenceSession.create(path, {
      graphOptimizationLevel: options.optimization ?? "all",
      logSeverityLevel: 3,
      ...(options.threads !== undefined && { intraOpNumThreads: options.threads, interOpNumThreads: 1 }),
      ...(options.spinning === false && { extra: { session: { intra_op: { allow_spinning: "0" } } } }),
      ...(options.profile !== undefined && { enableProfiling: true, profileFilePrefix: options.profile }),
    }),
  );
  const [input, ...more] = session.inputNames;
  if (input === undefined || more.length > 0)
    throw new TimmcError("unsupported", `the model has ${session.inputNames.length} inputs instead of one`, {
      trail: [path],
    });
  return {
    run: async (array) => {
      const results = await refusedWith(path, "run", () => session.run({ [input]: toOrt(ort, array) }));
      const entries = session.outputNames.map((name) => [name, fromOrt(name, results[name])] as const);
      return new Map(entries);
    },
    close: () => {
      if (options.profile !== undefined) session.endProfiling();
      return session.release();
    },
  };
}

async function refusedWith<T>(path: string, what: "load" | "run", body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof TimmcError) throw cause;
    throw new TimmcError("unsupported", `ONNX Runtime does not ${what} the model: ${messageLineOf(cause)}`, {
      trail: [path],
      cause,
    });
  }
}

function toOrt({ Tensor }: typeof Ort, array: NpyArray): Ort.Tensor {
  const { dtype } = array;
  switch (dtype) {
    case "f64":
      return new Tensor("float64", array.data, array.shape);
    case "f32":
      return new Tensor("float32", array.data, array.shape);
    case "f16":
      return new Tensor("float16", array.data, array.shape);
    case "i64":
      return new Tensor("int64", array.data, array.shape);
    case "i32":
      return new Tensor("int32", array.data, array.shape);
    case "u8":
      return new Tensor("uint8", array.data, array.shape);
    case "i8":
      return new Tensor("int8", array.data, array.shape);
    case "bool":
      return new Tensor("bool", array.data, array.shape);
    default:
      return array satisfies never;
  }
}

function fromOrt(name: string, tensor: Ort.Tensor | undefined): NpyArray {
  const shape = tensor?.dims ?? [];
  switch (tensor?.type) {
    case "float64":
      return { dtype: "f64", shape, data: tensor.data as Float64Array };
    case "float32":
      return { dtype: "f32", shape, data: tensor.data as Float32Array };
    case "float16":
      // Where the system has Float16Array, the codes are under it.
      return { dtype: "f16", shape, data: viewAs(bytesOf(tensor.data as Uint16Array), Uint16Array) };
    case "int64":
      return { dtype: "i64", shape, data: tensor.data as BigInt64Array };
    case "int32":
      return { dtype: "i32", shape, data: tensor.data as Int32Array };
    case "uint8":
      return { dtype: "u8", shape, data: tensor.data as Uint8Array };
    case "int8":
      return { dtype: "i8", shape, data: tensor.data as Int8Array };
    case "bool":
      return { dtype: "bool", shape, data: tensor.data as Uint8Array };
    default:
      throw new TimmcError("unsupported", `an output of type ${tensor?.type ?? "nothing"}`, { trail: [name] });
  }
}
