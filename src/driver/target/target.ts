import type { Forms } from "../../backends/onnx/forms.ts";
import type { ModelFile, Watch } from "../../backends/write-parts.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Pipeline } from "../../passes/pass.ts";
import type { OptimizationLevel } from "../../passes/presets.ts";
import type { NpyArray } from "../../runtime/npy.ts";
import type { RuntimeFacts, Session } from "../../runtime/session.ts";
import type { ArtifactNames } from "../artifact-files.ts";
import type { Artifact } from "../artifact.ts";
import type { Failure } from "../certificate.ts";
import type { BuiltGraph } from "../build-graph.ts";
import type { BuildRequest } from "../describe-artifact.ts";
import type { FormRequest } from "../forms.ts";
import type { Layout } from "../layout/layout.ts";
import type { LoweredRequest } from "../lower-request.ts";
import type { Manifest } from "../manifest.ts";
import type { GraphRunner } from "../run-graph.ts";
import type { Outputs } from "../verify-compare.ts";
import type { Difference } from "../verify-difference.ts";
import type { See, StoredTensor } from "../weight-numbers.ts";
import type { OpenedWeights } from "../weights.ts";
import type { TargetName } from "./names.ts";

/**
 * What compile, run, verify and bench ask of a target: whatever one of them does in its own way is a member here, and
 * nothing else asks which target it is.
 */
export interface Target {
  readonly name: TargetName;
  /** Images of a run where the request does not say. */
  readonly defaultBatch: number | "dynamic";
  /** Throws `usage` for what a request asks beside the target. */
  check(request: TargetRequest): void;
  /** The passes behind those of every target. */
  passes(request: FormRequest): { readonly [L in OptimizationLevel]: Pipeline };
  /** The passes behind all others, which change what numbers are kept in. Throws `usage` where they lack a calibration. */
  precision(request: FormRequest): Pipeline;
  forms(request: FormRequest): FormWords;
  /** Throws TimmcError for a network that the target does not take. */
  requireModel(lowering: LoweredRequest, request: TargetRequest): void;
  /**
   * Makes files of a graph that the passes left; of a request of several sizes, of those of the `others` too. Reads no
   * weights.
   */
  emit(graph: BuiltGraph, others: readonly BuiltGraph[]): Emission;
  /** The file that a run opens, by its path in the folder, and those whose names projects have for files of their own. */
  places(layout: Layout): ArtifactNames;
  /** What is written when the rest is known, of a manifest that does not list it yet. */
  texts(manifest: Manifest): Readonly<Record<string, string>>;
  /** How an artifact's target was asked for. Throws `usage` for one that timmc does not make. */
  requestOf(
    manifest: Manifest,
  ): Pick<BuildRequest, "target" | "opset" | "onnxOps" | "layout" | "precision" | "maxError" | "tiles" | "sizes">;
  /** What graphs are emitted in where their outputs are compared in ONNX Runtime. */
  comparedIn(manifest: Manifest): Forms;
  /** Throws `dependency` where a package is missing, `unsupported` where the machine cannot run the target. */
  load(): Promise<Runtime>;
  /** Says what is wrong of an artifact although every pass is right. */
  faultBehindPasses(suspicion: Suspicion): Promise<Failure>;
}

/** What a target may refuse of a request. */
export type TargetRequest = FormRequest & Pick<BuildRequest, "batch" | "layout" | "maxError" | "sizes" | "dynamicSize">;

/** What decides which passes there are, in words. */
interface FormWords {
  /** After "is none of". */
  readonly described: string;
  /** As a message about a manifest lists them. */
  readonly asked: string;
  /** Other requests that have other passes, by the option that asks for them. */
  readonly others: readonly (readonly [option: string, request: FormRequest])[];
}

/** A network of a request, and its weights. */
export interface Source {
  readonly lowering: LoweredRequest;
  readonly weights: OpenedWeights;
  readonly request: BuildRequest;
}

export interface WriteOptions extends Watch {
  readonly hasWeights: boolean;
  /** Is shown every tensor that comes from the checkpoint. */
  readonly see?: See | undefined;
  /** Bytes of weights that a model file itself may hold, where it can. */
  readonly limit?: number | undefined;
}

/** What a target made of one graph. */
export interface EmittedGraph {
  /** The file, by its path in the folder. */
  readonly model: string;
  readonly onnxNodes: number | null;
  /** Of the tensors that it reads. */
  readonly weightBytes: number;
}

/** A model ready to be written: everything but the bytes of its weights. */
export interface Emission extends Omit<EmittedGraph, "model"> {
  /** What the manifest says of it, but for the sizes. */
  readonly target: Manifest["target"];
  /** Of a request of several sizes, a model for each; the rest is said of the first. */
  readonly sizes?: readonly EmittedGraph[];
  readonly tensors: readonly StoredTensor[];
  /**
   * Writes the model's files into an existing folder and says what was written. The event loop turns between tensors; when
   * the signal fires the write ends with `interrupted`. After a failure none of the files is there.
   */
  write(folder: string, options: WriteOptions): Promise<ModelFile[]>;
  /** What the manifest says of the files, and they do not. */
  differences(artifact: Artifact): Difference[];
  /** Why the files of an artifact are not these; null where they are. */
  mismatch(artifact: Artifact): string | null;
}

export interface OpenOptions extends Watch {
  /** Is told what a user should know of how it runs. */
  readonly note?: ((text: string) => void) | undefined;
  /** Threads of one operator, where the runtime has threads; default: one per core. */
  readonly threads?: number | undefined;
  /** Whether idle threads wait in a loop. Default yes. */
  readonly spinning?: boolean | undefined;
}

/** What runs artifacts of a target. */
export interface Runtime {
  /** Of a runtime that chooses its device late, when an artifact is open. */
  readonly facts: RuntimeFacts;
  /** Whether `threads` means anything to it. */
  readonly hasThreads: boolean;
  /** Outputs have the names of the taps. Throws `weights` for an artifact without them. */
  open(artifact: Artifact, options?: OpenOptions): Promise<Session>;
}

/** An artifact with wrong outputs, although ONNX Runtime computes the graph after every pass rightly. */
export interface Suspicion {
  readonly manifest: Manifest;
  /** Why the artifact's files are not those of its request; null where they are. */
  readonly mismatch: () => string | null;
  /** The graph as the passes left it, and what runs it in ONNX Runtime. */
  readonly graph: Graph;
  readonly runner: GraphRunner;
  readonly input: NpyArray;
  /** Whether these outputs are right. */
  readonly agrees: (outputs: Outputs) => boolean;
  readonly progress: (text: string) => void;
}
