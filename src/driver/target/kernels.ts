import { createHash } from "node:crypto";
import type { Program } from "../../backends/kernel/build.ts";
import { usedTiles } from "../../backends/kernel/choose.ts";
import { type Table, gpuTable } from "../../backends/kernel/table.ts";
import { isPoint } from "../../backends/kernel/ops/point.ts";
import { rootOf } from "../../backends/kernel/ops/root.ts";
import { kernelPasses } from "../../backends/kernel/passes.ts";
import { type KernelPrecision, isKernelPrecision } from "../../backends/kernel/precision.ts";
import type { KernelPlan } from "../../backends/kernel/plan.ts";
import { storedWeights, weightBytes } from "../../backends/kernel/weights.ts";
import { writeKernels } from "../../backends/kernel/write-kernels.ts";
import { defaultForms } from "../../backends/onnx/forms.ts";
import type { Parameters } from "../../backends/parameters.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import { count, isStaticType, printType } from "../../ir/type.ts";
import { runPipeline } from "../../passes/pass.ts";
import { deadCode } from "../../passes/whole-graph/dead-code.ts";
import type { RuntimeFacts, Session } from "../../runtime/session.ts";
import { outputsByTap, requireWeights } from "../artifact.ts";
import type { FormRequest } from "../forms.ts";
import { sizeName } from "../sizes.ts";
import { shown } from "../weight-numbers.ts";
import { findWrongKernel } from "./kernel-fault.ts";
import type { TargetName } from "./names.ts";
import type { Emission, OpenOptions, Target, TargetRequest } from "./target.ts";

/** What targets that are made of kernels do in their own ways. */
interface KernelBackend extends Pick<Target, "places" | "texts"> {
  readonly name: Exclude<TargetName, "onnx">;
  /** Whether an input may be bytes, the pixels of --preprocess. */
  readonly takesPixels: boolean;
  /** The kernels of a graph. */
  build(graph: Graph, precision: KernelPrecision, table: Table): Program;
  /** The files of a program but its weights. */
  make(program: Program, table: Table): KernelFiles;
  load(): Promise<KernelRuntime>;
}

interface KernelFiles {
  readonly texts: Readonly<Record<string, string>>;
  /** How many different kernels there are. */
  readonly kernels: number;
  readonly plan: KernelPlan;
}

interface KernelRuntime {
  readonly facts: RuntimeFacts;
  /** Opens the files of a folder. */
  open(folder: string, options: OpenOptions): Promise<Session>;
}

/** A network's program for a target, and what the target makes of it. */
interface Made extends KernelFiles {
  readonly program: Program;
}

/** Indices of kernels are signed words. */
const maxElements = 2 ** 31;

/** A target of kernels. */
export interface KernelTarget extends Target {
  /** The kernels of a graph that the passes left. Throws `unsupported` for what none computes. */
  make(graph: Graph, request: FormRequest): Made;
}

export function kernelTarget(backend: KernelBackend): KernelTarget {
  const { name, places, texts } = backend;
  const tableOf = ({ tiles }: FormRequest): Table => ({ ...gpuTable, ...(tiles && { measured: tiles }) });
  const build = (graph: Graph, request: FormRequest): Program =>
    backend.build(graph, kernelPrecision(name, request), tableOf(request));
  const make = (source: Graph, request: FormRequest): Made => {
    const program = build(kernelGraph(source), request);
    return { program, ...backend.make(program, tableOf(request)) };
  };
  const emit = (graph: Graph, parameters: Parameters, request: FormRequest): Emission =>
    emission(name, make(graph, request), parameters, request);
  const requestOf: Target["requestOf"] = ({ target }) => ({
    target: name,
    ...("arena_bytes" in target && { precision: target.precision, tiles: target.tiles }),
  });
  return {
    name,
    make,
    places,
    texts,
    defaultBatch: 1,
    check: (request) => refuseForeign(name, request),
    passes: () => kernelPasses,
    precision: () => [],
    forms: () => ({ described: `the target ${name}`, asked: `--target ${name}`, others: [["--target onnx", {}]] }),
    requireModel: ({ lowered: { input }, preprocess }) => {
      const refuse = (hint: string): never => {
        throw new TimmcError("usage", `the target ${name} does not take an input of ${printType(input.type)}`, {
          hint,
        });
      };
      if (!isStaticType(input.type)) refuse("Kernels are made for one size: give --batch a number.");
      else if (count(input.type.shape) >= maxElements) refuse("Use a smaller --batch.");
      if (preprocess && !backend.takesPixels) refuse("Leave --preprocess out, or use --target webgpu or onnx.");
    },
    emit: ({ lowering: { lowered }, weights, request }) => emit(lowered.graph, weights.parameters, request),
    requestOf,
    comparedIn: () => defaultForms,
    load: async () => {
      const runtime = await backend.load();
      return {
        get facts() {
          return runtime.facts;
        },
        hasThreads: false,
        open: async (artifact, options = {}) => {
          requireWeights(artifact);
          const session = await runtime.open(artifact.folder, options);
          return { ...session, run: async (input) => outputsByTap(artifact.manifest, await session.run(input)) };
        },
      };
    },
    faultBehindPasses: async (suspicion) => {
      const open = async (folder: string): Promise<Session> => (await backend.load()).open(folder, {});
      const request = requestOf(suspicion.manifest);
      return findWrongKernel(suspicion, {
        build: (graph) => build(graph, request),
        emit: (graph, parameters) => emit(graph, parameters, request),
        open,
      });
    },
  };
}

/** Throws `usage` for a precision that kernels do not have. */
export function kernelPrecision(name: TargetName, { precision = "fp32" }: FormRequest): KernelPrecision {
  if (isKernelPrecision(precision)) return precision;
  throw new TimmcError(
    "usage",
    `the target ${name} does not take --precision ${precision}, which is of the target onnx`,
    {
      hint: "Use --precision fp32 or fp16.",
    },
  );
}

function refuseForeign(name: TargetName, request: TargetRequest): void {
  const { opset, onnxOps, layout, sizes, batch, calibration, maxError, tiles, dynamicSize } = request;
  const precision = kernelPrecision(name, request);
  const options = [
    ["--opset", opset],
    ["--onnx-ops", onnxOps],
    ["--layout", layout === "plain" ? undefined : layout],
    ["--calibration", calibration && ""],
    ["--max-error", maxError],
    ["--sizes", sizes?.map(sizeName).join(",")],
  ] as const;
  const foreign = options.find(([, value]) => value !== undefined);
  if (foreign !== undefined)
    throw new TimmcError(
      "usage",
      `the target ${name} does not take ${foreign.join(" ").trim()}, which is of the target onnx`,
      {
        hint: "Leave one of the two out.",
      },
    );
  if (name !== "webgpu" && tiles !== undefined)
    throw new TimmcError("usage", `the target ${name} does not take --tuning: timmc tune measures WebGPU's kernels`, {
      hint: "Leave one of the two out.",
    });
  if (precision === "fp16" && tiles !== undefined)
    throw new TimmcError("usage", "--precision fp16 does not take --tuning: timmc tune measures kernels of float32", {
      hint: "Leave one of the two out.",
    });
  if (dynamicSize !== undefined)
    throw new TimmcError("usage", `the target ${name} does not take --dynamic-size: kernels are made for one size`, {
      hint: "Leave it out and give the size with --input-size, or use --target onnx.",
    });
  if (batch === "dynamic")
    throw new TimmcError("usage", `the target ${name} does not take --batch dynamic: kernels are made for one size`, {
      hint: "Use --batch 1, or another number, or --target onnx.",
    });
}

function emission(
  name: KernelBackend["name"],
  { program, texts, kernels, plan }: Made,
  parameters: Parameters,
  request: FormRequest,
): Emission {
  const { tiles } = request;
  const tensors = storedWeights(plan, parameters);
  const [model = ""] = Object.keys(texts);
  return {
    target: {
      name,
      model,
      kernels,
      dispatches: plan.steps.length,
      precision: kernelPrecision(name, request),
      arena_bytes: plan.arena.bytes,
      ...(tiles && { tiles: usedTiles(program.kernels, tiles) }),
    },
    onnxNodes: null,
    tensors,
    weightBytes: plan.weights.bytes,
    write: (folder, { hasWeights, see, ...watch }) => {
      const seen = see === undefined ? tensors : tensors.map((tensor) => shown(tensor, see));
      const weights = hasWeights ? weightBytes(plan, parameters, seen) : undefined;
      return writeKernels(folder, { texts, weights, weightBytes: plan.weights.bytes }, watch);
    },
    differences: () => [],
    mismatch: ({ manifest }) => {
      const changed = Object.entries(texts).find(([path, text]) => {
        const sha256 = createHash("sha256").update(text).digest("hex");
        return manifest.files.find((file) => file.path === path)?.sha256 !== sha256;
      });
      return changed === undefined
        ? null
        : `${changed[0]} is not what the manifest's request gives: the file or the request was changed. Compile the model again.`;
    },
  };
}

/** A copy of a graph that kernels can be made of. Throws `unsupported` with the module for what none computes. */
export function kernelGraph(source: Graph): Graph {
  const { graph } = source.clone();
  runPipeline(graph, [deadCode]);
  for (const value of graph.values()) {
    const { op, type, isWeight, origin } = value;
    const where = { trail: origin.path === "" ? [] : [origin.path], hint: "Use --target onnx." };
    if (!isStaticType(type))
      throw new TimmcError("unsupported", `kernels are made for one size, and this is ${printType(type)}`, where);
    if (count(type.shape) >= maxElements)
      throw new TimmcError("unsupported", `kernels do not count the elements of ${printType(type)}`, {
        ...where,
        hint: "Use a smaller --batch.",
      });
    if (!isWeight && op !== "input" && !isPoint(value) && rootOf(value) === undefined)
      throw new TimmcError("unsupported", `there is no kernel for ${op}`, where);
  }
  return graph;
}
