/** A field that both sides have otherwise; absent on a side where it is undefined there, which JSON leaves out. */
export interface FieldChange {
  readonly field: string;
  readonly a?: unknown;
  readonly b?: unknown;
}

/** Things with a name: those of one side alone, those of both that differ, and how many are the same. */
export interface Changes<Thing, Change> {
  /** Only in the first artifact. */
  readonly removed: readonly Thing[];
  /** Only in the second. */
  readonly added: readonly Thing[];
  readonly changed: readonly Change[];
  readonly equal: number;
  /** Whether those of both come in another order. */
  readonly reordered: boolean;
}

export interface NamedChange {
  readonly name: string;
  readonly changes: readonly FieldChange[];
}

interface NodeFacts {
  readonly name: string;
  readonly operator: string;
}

export interface NodeChange extends NodeFacts, NamedChange {}

export interface OperatorCount {
  readonly operator: string;
  readonly a: number;
  readonly b: number;
}

/** Two graphs of ONNX nodes, node by node under their names. */
export interface GraphDiff {
  /** Versions, names, inputs, outputs and metadata of the model. */
  readonly model: readonly FieldChange[];
  /** Of operators whose number differs. */
  readonly operators: readonly OperatorCount[];
  readonly nodes: Changes<NodeFacts, NodeChange>;
  /** Types of values between inputs and outputs. */
  readonly values: readonly FieldChange[];
}

/** A step of a kernel program: what it stores, by the module's path. */
interface StepFacts {
  readonly name: string;
}

export interface KernelDiff {
  /** By what they store; `kernel` stands for another text of the kernel. */
  readonly steps: Changes<StepFacts, NamedChange>;
  /** Texts of kernels that only one side has, and that both have. */
  readonly kernels: { readonly removed: number; readonly added: number; readonly equal: number };
}

export interface TensorFacts {
  readonly name: string;
  /** `f32[64,3,7,7]` */
  readonly type: string;
  readonly bytes: number;
}

/** What became of a tensor's numbers. */
export interface NumberChange {
  /** Elements with another value. */
  readonly changed: number;
  /** The largest |a - b| of finite numbers. */
  readonly max_abs: number;
  /** The largest |a - b| / max(|a|, |b|), which is 2 at most. */
  readonly max_rel: number;
  /** Changed elements of which one side is not finite. */
  readonly not_finite: number;
}

export interface TensorChange {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  readonly elements: number;
  /** Null where the two types, or shapes, leave nothing to subtract. */
  readonly numbers: NumberChange | null;
}

export interface WeightDiff extends Changes<TensorFacts, TensorChange> {
  readonly bytes: { readonly a: number; readonly b: number };
  /** Why only types were compared; null where the bytes were. */
  readonly headers_only: string | null;
}

/** A model file of each side. */
export interface ModelDiff {
  readonly a: string;
  readonly b: string;
  readonly graph: GraphDiff | null;
  readonly kernels: KernelDiff | null;
  readonly weights: WeightDiff;
}

export interface FileFacts {
  readonly path: string;
  readonly bytes: number;
}

interface FileChange {
  readonly path: string;
  readonly a: number;
  readonly b: number;
}

export interface LabelChange {
  readonly index: number;
  readonly a: string | null;
  readonly b: string | null;
}

/** How far the second artifact's output is from the first's. */
export interface OutputError {
  readonly name: string;
  /** Null where they cannot be compared: `problem` says why. */
  readonly max_abs_error: number | null;
  /** The same as a fraction of the standard deviation of the first's. */
  readonly error_of_std: number | null;
  readonly problem: string | null;
}

export interface RunDiff {
  /** Of every input: the recipe's, or a picture. */
  readonly inputs: readonly { readonly input: string; readonly outputs: readonly OutputError[] }[];
  /** Pictures of which both give the same class; null without pictures, or without logits. */
  readonly same_top1: { readonly pictures: number; readonly same: number } | null;
}

export interface ArtifactFacts {
  readonly artifact: string;
  readonly manifest_sha256: string;
  readonly model: string;
  readonly target: string;
  readonly bytes: number;
}

/** What tells two artifacts apart. */
export interface DiffReport {
  /** Whether every byte is the same, certificates apart. */
  readonly equal: boolean;
  readonly a: ArtifactFacts;
  readonly b: ArtifactFacts;
  /** Fields of the manifests: source, request, target, compiler, input contract, passes, cost. */
  readonly options: readonly FieldChange[];
  readonly labels: readonly LabelChange[];
  readonly outputs: Changes<{ readonly name: string; readonly type: string }, NamedChange>;
  readonly models: readonly ModelDiff[];
  readonly files: Changes<FileFacts, FileChange>;
  readonly runs: RunDiff | null;
  /** What was not compared, and why. */
  readonly notes: readonly string[];
}
