import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** A tensor as timm computed it; see data/README.md. */
export interface TensorRecord {
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly absmax: number;
  /** Elements at flat indices floor(k (n - 1) / 63), or all of at most 64. */
  readonly samples: readonly number[];
}

export type Outputs = Readonly<Record<string, TensorRecord>>;

export interface FeatureInfo {
  readonly module: string;
  readonly num_chs: number;
  readonly reduction: number;
}

/** What `features_only` selected, in order. */
export interface Selection {
  readonly feature_info?: readonly FeatureInfo[];
  readonly feature_channels?: readonly number[];
  readonly feature_reductions?: readonly number[];
  readonly feature_modules?: readonly string[];
}

export type Entry = readonly [name: string, shape: readonly number[], dtype?: string];

/** An architecture with default arguments: the full model, and with `features_only`. */
export interface ModelRecord {
  readonly arch: string;
  readonly family: string;
  readonly full: {
    readonly params: readonly Entry[];
    readonly buffers: readonly Entry[];
    readonly param_count: number;
    readonly feature_info?: readonly FeatureInfo[];
    readonly input_shape: readonly number[];
    /** Empty where the model was too large to run. */
    readonly outputs: Outputs;
  };
  readonly features: Selection & {
    readonly input_shape: readonly number[];
    readonly outputs: Outputs;
  };
}

interface OptionCase {
  readonly case: string;
  readonly arch: string;
  readonly family: string;
  /** Arguments by timm's names. */
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** An architecture with other arguments. */
export interface AcceptedOption extends OptionCase, Selection {
  readonly timm_refuses?: undefined;
  /** Absent with `features_only`. */
  readonly params?: readonly Entry[];
  readonly param_count: number;
  readonly input_shape: readonly number[];
  readonly outputs: Outputs;
}

/** Arguments for which timm raises. */
export interface RefusedOption extends OptionCase {
  readonly timm_refuses: string;
}

export type OptionRecord = AcceptedOption | RefusedOption;

const folder = join(import.meta.dirname, "data");

/** The families that have records. */
export const recordedFamilies: readonly string[] = readdirSync(join(folder, "models")).map((name) =>
  name.slice(0, name.indexOf(".")),
);

/** Some families have models on record and no options. */
const read = <T>(kind: string, family: string): readonly T[] => {
  const file = join(folder, kind, `${family}.jsonl.gz`);
  if (kind === "options" && !existsSync(file)) return [];
  const lines = gunzipSync(readFileSync(file)).toString().trim().split("\n");
  return lines.map((line) => JSON.parse(line) as T);
};

export const modelRecords = (family: string): readonly ModelRecord[] => read("models", family);
export const optionRecords = (family: string): readonly OptionRecord[] => read("options", family);

export const isAccepted = (record: OptionRecord): record is AcceptedOption => record.timm_refuses === undefined;
