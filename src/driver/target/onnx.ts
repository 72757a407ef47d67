import { type EmittedModel, emitOnnx } from "../../backends/onnx/emit.ts";
import { supportedOpsets } from "../../backends/onnx/model.ts";
import { onnxPasses } from "../../backends/onnx/passes.ts";
import { precisionPasses } from "../../backends/onnx/precision.ts";
import { TimmcError } from "../../ir/error.ts";
import { reducedPrecisions } from "../../passes/precision/precision.ts";
import { loadOrt } from "../../runtime/ort.ts";
import { type Artifact, outputsByTap, runnableModel } from "../artifact.ts";
import { frameOf, weightBytes, writeModel } from "../artifact-model.ts";
import type { BuiltGraph } from "../build-graph.ts";
import { clientNames, clientTexts } from "../client/client.ts";
import { formsOf } from "../forms.ts";
import { modelFiles, namesOf } from "../layout/layout.ts";
import { requireLoadable, transformersNames, transformersTexts } from "../layout/transformers-js.ts";
import type { Manifest, OnnxTarget } from "../manifest.ts";
import { mapMany } from "../many.ts";
import { runGraph } from "../run-graph.ts";
import { ownFailure } from "../verify-failure.ts";
import { version } from "../version.ts";
import { emitBundle } from "./onnx-bundle.ts";
import { frameMismatch, opsetDifferences } from "./onnx-frame.ts";
import type { Emission, Target } from "./target.ts";

/** model.onnx for ONNX Runtime and every other that reads the format. */
export const onnx: Target = {
  name: "onnx",
  defaultBatch: "dynamic",
  check: (request) => {
    formsOf(request);
    const { precision = "fp32", calibration, maxError, sizes } = request;
    if (precision !== "fp32" && sizes !== undefined)
      throw new TimmcError(
        "usage",
        `--sizes does not go with --precision ${precision}: a precision is measured at one size`,
        {
          hint: "Compile each size by itself, or leave one of the two out.",
        },
      );
    if (precision === "fp32" && (calibration !== undefined || maxError !== undefined))
      throw new TimmcError(
        "usage",
        `${calibration === undefined ? "--max-error" : "--calibration"} is for a --precision below fp32`,
        {
          hint: `Add --precision ${reducedPrecisions.join(", ")}, or leave it out.`,
        },
      );
    if (request.tiles !== undefined)
      throw new TimmcError("usage", "the target onnx does not take --tuning: it has no kernels to cut", {
        hint: "Leave one of the two out.",
      });
  },
  passes: (request) => onnxPasses(formsOf(request)),
  precision: (request) => {
    const { precision = "fp32", calibration } = request;
    return precisionPasses(precision, calibration?.calibration, formsOf(request));
  },
  forms: (request) => {
    const { opset, ops } = formsOf(request);
    return {
      described: `opset ${opset} and ${ops} operators`,
      asked: `${ops === "standard" ? "" : `--onnx-ops ${ops}, `}opset ${opset}`,
      others: [
        [`--opset ${supportedOpsets.at(-1)}`, { ...request, opset: supportedOpsets.at(-1) }],
        ["--onnx-ops ort", { ...request, onnxOps: "ort" }],
        ["--target webgpu", { target: "webgpu" }],
      ],
    };
  },
  requireModel: (lowering, { layout, batch }) => {
    if (layout === "transformers-js") requireLoadable(lowering, batch);
  },
  emit,
  places: (layout) => ({
    ...modelFiles[layout],
    texts: layout === "transformers-js" ? [...clientNames, ...transformersNames] : clientNames,
  }),
  texts: (manifest) => ({
    ...clientTexts(manifest),
    ...(own(manifest).layout === "transformers-js" && transformersTexts(manifest)),
  }),
  requestOf: (manifest) => {
    const { opset, layout, precision, sizes } = own(manifest);
    if (!supportedOpsets.includes(opset))
      throw new TimmcError("usage", `target.opset is ${opset}, which timmc does not write`);
    return {
      target: "onnx",
      opset,
      onnxOps: manifest.request.onnx_ops ?? "standard",
      layout,
      precision,
      maxError: manifest.request.max_error,
      sizes: sizes?.map(({ height, width }) => [height, width] as const),
    };
  },
  comparedIn: (manifest) => ({ opset: own(manifest).opset, ops: manifest.request.onnx_ops ?? "standard" }),
  load: async () => {
    const ort = await loadOrt();
    return {
      facts: { name: "onnxruntime-node", version: ort.version, device: null },
      hasThreads: true,
      open: async (artifact, options) => {
        const session = await opened(artifact, () => ort.open(runnableModel(artifact), options));
        const { manifest } = artifact;
        const { names } = own(manifest);
        return { ...session, run: async (input) => outputsByTap(manifest, await session.run(input), names) };
      },
    };
  },
  faultBehindPasses: async ({ manifest, graph, runner, input, agrees }) => {
    const [outputs = new Map()] = await runGraph(runner, graph, [input], "all");
    if (!agrees(outputs))
      return ownFailure(
        "runtime",
        "the model is right as it is written and wrong under ONNX Runtime's own graph optimisations",
      );
    return ownFailure(
      "artifact",
      `the model file is not what this timmc makes of its source: it was changed, or timmc ${manifest.compiler.version} made it so. Compile the model again.`,
    );
  },
};

function own({ target }: Manifest): OnnxTarget {
  if (target.name === "onnx") return target;
  throw new TimmcError("invalid-ir", `the target is ${target.name} and not onnx`);
}

/** What ONNX Runtime refuses may be a file that was changed, whatever its hash is now. */
async function opened<T>({ folder }: Artifact, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof TimmcError) || error.code !== "unsupported") throw error;
    const hint = "Compile the model again, in case the file was changed; otherwise install a newer onnxruntime-node.";
    throw new TimmcError(error.code, error.message, {
      trail: error.trail.length === 0 ? [folder] : error.trail,
      hint,
      cause: error,
    });
  }
}

function emit(graph: BuiltGraph, others: readonly BuiltGraph[]): Emission {
  const { request } = graph;
  const { layout = "plain" } = request;
  const forms = formsOf(request);
  const tapNames = graph.lowering.taps.map((t) => t.name);
  const names = namesOf(layout, tapNames);
  const modelOf = ({ lowering: { lowered, resolved }, weights }: BuiltGraph): EmittedModel =>
    emitOnnx(lowered.graph, weights.parameters, {
      ...forms,
      producerVersion: version,
      names,
      metadata: [
        ["timmc.architecture", resolved.architecture],
        ["timmc.tag", resolved.tag],
        ["timmc.taps", tapNames.join(",")],
        ["timmc.weights", weights.kind],
        ["timmc.version", version],
      ],
    });
  const { opset } = forms;
  const targetOf = (model: string): OnnxTarget => ({ name: "onnx", model, opset, layout, names });
  if (request.sizes !== undefined)
    return emitBundle(
      mapMany([graph, ...others], (built) => ({ built, emitted: modelOf(built) })),
      targetOf,
    );
  const emitted = modelOf(graph);
  const place = modelFiles[layout];
  return {
    target: {
      ...targetOf(place.model),
      ...(request.precision !== undefined && request.precision !== "fp32" && { precision: request.precision }),
    },
    onnxNodes: emitted.model.nodes.length,
    tensors: emitted.initializers,
    weightBytes: weightBytes(emitted.initializers),
    write: (folder, options) => writeModel(folder, emitted, { ...options, place }),
    differences: (artifact) => opsetDifferences(artifact, emitted, own(artifact.manifest).opset),
    mismatch: (artifact) => frameMismatch(artifact, place.model, frameOf(emitted, place)),
  };
}
