import type { PassRun } from "../passes/pass.ts";

/** The version of the manifest's layout; readers refuse others. */
export const manifestVersion = 1;

export interface ManifestFile {
  /** Relative to the artifact folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ManifestOutput {
  /** The tap name, which is also the output's name in the model. */
  readonly name: string;
  readonly dtype: string;
  /** A string is a symbolic dimension: N is the batch. */
  readonly shape: readonly (number | string)[];
  readonly module: string | null;
  readonly channels: number | null;
  readonly reduction: number | null;
  readonly format: "NCHW" | "NHWC" | "NLC" | null;
}

export interface ManifestInput {
  readonly name: "input";
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
  readonly layout: "NCHW";
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: string;
  readonly crop_pct: number;
  readonly crop_mode: string;
}

/** manifest.json: what an artifact is, written last, so that a folder without it is not an artifact. */
export interface Manifest {
  readonly manifest_version: typeof manifestVersion;
  readonly compiler: { readonly name: "timmc"; readonly version: string };
  readonly source: {
    /** The reference in its normal spelling; null for a local folder, of which only hashes are kept. */
    readonly model: string | null;
    readonly architecture: string;
    readonly tag: string;
    readonly family: string;
    readonly weights: { readonly kind: "pretrained" | "synthetic" | "none" | "file"; readonly sha256: string | null };
    readonly config_sha256: string | null;
  };
  /** The constructor arguments by timm's names, and what else the user chose. */
  readonly request: {
    readonly args: Readonly<Record<string, unknown>>;
    readonly cfg: Readonly<Record<string, unknown>>;
    readonly input_size: readonly number[];
    readonly taps: readonly string[];
    readonly batch: number | "dynamic";
    readonly optimization: string;
  };
  readonly target: { readonly name: "onnx"; readonly model: string; readonly opset: number };
  readonly input: ManifestInput;
  readonly outputs: readonly ManifestOutput[];
  readonly num_classes: number;
  /** By class index; null where the configuration names none. */
  readonly labels: readonly (string | null)[] | null;
  /** Parameters of the whole architecture, and multiply-accumulates of what was compiled, at batch 1. */
  readonly params: number;
  readonly macs: number;
  readonly passes: readonly PassRun[];
  readonly license: string | null;
  readonly notices: readonly string[];
  readonly files: readonly ManifestFile[];
}
