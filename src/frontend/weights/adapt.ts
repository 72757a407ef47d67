import { bytesOf, encodeNumbers } from "../../ir/bytes.ts";
import { TimmcError } from "../../ir/error.ts";
import { type RoundedFloat, isRoundedFloat, narrow } from "../../ir/float.ts";
import { toFloat32 } from "./load.ts";
import { nearNames } from "../suggest.ts";
import { type StoredDType, type TensorData, type WeightSource, printStored } from "./source.ts";

/** What a model asks of a checkpoint (`inChans`, `numClasses`) and what its pretrained configuration says about it. */
export interface Adaptation {
  readonly inChans: number;
  /** Classes of the model; 0 for a model without classifier and for `features_only`. */
  readonly numClasses: number;
  readonly cfg: {
    readonly firstConv: readonly string[];
    readonly classifier: readonly string[];
    readonly numClasses: number;
    /** Classes that lead the checkpoint's classifier and that the model does not have; 0 unless set. */
    readonly labelOffset?: number;
  };
}

export interface Withheld {
  readonly name: string;
  /** Why the checkpoint has no values for this parameter. */
  readonly reason: string;
}

export interface Adapted {
  /** The same keys without the withheld ones; adapted tensors are computed when they are read. */
  readonly source: WeightSource;
  /** Parameters that timm would leave at their random initial values. */
  readonly withheld: readonly Withheld[];
  /** False where timm then loads with strict=False: other missing and unexpected keys are no error. */
  readonly strict: boolean;
}

/**
 * timm's `load_pretrained`, between the checkpoint filter and `load_state_dict`: the first convolutions are adapted to
 * another number of input channels, and classifiers of another number of classes are left out.
 */
export function adaptWeights(source: WeightSource, wanted: Adaptation): Adapted {
  const replaced = new Map<string, TensorData>();
  const withheld = new Map<string, string>();
  if (wanted.inChans !== 3) {
    for (const name of wanted.cfg.firstConv.map((module) => `${module}.weight`)) {
      const adapted = adaptFirstConv(source, name, wanted.inChans);
      if (typeof adapted === "string") withheld.set(name, adapted);
      else replaced.set(name, adapted);
    }
  }
  adaptClassifiers(source, wanted, replaced, withheld);
  return {
    source: {
      label: source.label,
      notices: source.notices ?? [],
      close: () => source.close(),
      keys: () => [...source.keys()].filter((name) => !withheld.has(name)),
      get: (name) => (withheld.has(name) ? undefined : (replaced.get(name) ?? source.get(name))),
    },
    withheld: [...withheld].map(([name, reason]) => ({ name, reason })),
    strict: withheld.size === 0,
  };
}

/**
 * The weight (O, I, h, w) of a first convolution for another number of input channels, in float32 and then the stored
 * type. One channel: the sum over I; over each run of 3 where I > 3 (a space-to-depth stem). Any other number n: the 3
 * channels repeated up to n, times 3 / n, so that equal channels give the same response. A string says why there is no
 * such weight.
 */
function adaptFirstConv(source: WeightSource, name: string, inChans: number): TensorData | string {
  const data = required(source, name);
  const [outputs, inputs, height, width] = data.shape;
  if (data.shape.length !== 4 || outputs === undefined || inputs === undefined || !height || !width) {
    return `${printStored(data)} is no 2-D convolution, so it cannot be adapted to ${inChans} input channels`;
  }
  const { dtype } = data;
  if (!isFloatStored(dtype)) return `adapting it to ${inChans} input channels needs floats, not ${dtype}`;
  const area = height * width;
  if (inChans !== 1) {
    if (inputs !== 3) return `its ${inputs} input channels cannot be adapted to ${inChans}: only 3 can`;
    const shape = [outputs, inChans, height, width];
    return computed(data, dtype, shape, (weight) => repeatChannels(weight, outputs, inChans, area));
  }
  if (inputs > 3 && inputs % 3 !== 0) {
    throw new TimmcError("weights", `its ${inputs} input channels cannot be summed in runs of 3`, {
      trail: [source.label, name],
      hint: "Compile with in_chans=3.",
    });
  }
  const groups = inputs > 3 ? inputs / 3 : 1;
  const shape = [outputs, groups, height, width];
  return computed(data, dtype, shape, (weight) => sumChannels(weight, outputs * groups, inputs / groups, area));
}

/** (groups, run, area) to (groups, area), summed in order in float32. */
function sumChannels(weight: Float32Array, groups: number, run: number, area: number): Float32Array {
  const out = new Float32Array(groups * area);
  for (let group = 0; group < groups; group++) {
    for (let channel = 0; channel < run; channel++) {
      const from = (group * run + channel) * area;
      for (let i = 0; i < area; i++) out[group * area + i] = (out[group * area + i] ?? 0) + (weight[from + i] ?? 0);
    }
  }
  return out;
}

/** (outputs, 3, area) to (outputs, inChans, area). */
function repeatChannels(weight: Float32Array, outputs: number, inChans: number, area: number): Float32Array {
  const scale = Math.fround(3 / inChans);
  const out = new Float32Array(outputs * inChans * area);
  for (let o = 0; o < outputs; o++) {
    for (let c = 0; c < inChans; c++) {
      const from = (o * 3 + (c % 3)) * area;
      const to = (o * inChans + c) * area;
      for (let i = 0; i < area; i++) out[to + i] = (weight[from + i] ?? 0) * scale;
    }
  }
  return out;
}

function adaptClassifiers(
  source: WeightSource,
  wanted: Adaptation,
  replaced: Map<string, TensorData>,
  withheld: Map<string, string>,
): void {
  const { classifier, numClasses, labelOffset = 0 } = wanted.cfg;
  const names = classifier.flatMap((module) => [`${module}.weight`, `${module}.bias`]);
  if (classifier.length > 0 && wanted.numClasses !== numClasses) {
    const reason = `the checkpoint's classifier has ${numClasses} classes, the model ${wanted.numClasses}`;
    for (const name of names) withheld.set(name, reason);
  } else if (labelOffset > 0) {
    for (const name of names) replaced.set(name, withoutRows(required(source, name), labelOffset));
  }
}

/** The tensor without its first rows. */
function withoutRows(data: TensorData, rows: number): TensorData {
  const [all = 0, ...rest] = data.shape;
  const cut = Math.min(rows, all);
  const read = (): Uint8Array => {
    const bytes = data.read();
    return bytes.slice(cut === 0 ? 0 : (bytes.length / all) * cut);
  };
  return { dtype: data.dtype, shape: [all - cut, ...rest], read };
}

type FloatStored = "f64" | "f32" | RoundedFloat;

const isFloatStored = (dtype: StoredDType): dtype is FloatStored =>
  dtype === "f64" || dtype === "f32" || isRoundedFloat(dtype);

/** A tensor computed in float32 from another when it is read, and rounded to the type that the other has. */
function computed(
  data: TensorData,
  dtype: FloatStored,
  shape: readonly number[],
  compute: (values: Float32Array) => Float32Array,
): TensorData {
  const encode = (values: Float32Array): Uint8Array =>
    dtype === "f64" || dtype === "f32" ? encodeNumbers(dtype, values) : bytesOf(narrow(dtype, values));
  return { dtype, shape, read: () => encode(compute(toFloat32(data))) };
}

function required(source: WeightSource, name: string): TensorData {
  const data = source.get(name);
  if (data !== undefined) return data;
  const [near] = nearNames(name, source.keys(), 1);
  throw new TimmcError("weights", "the pretrained configuration names this parameter, and the weights do not have it", {
    trail: [source.label, name],
    hint: `${near === undefined ? "" : `Nearest key: ${near}. `}Correct first_conv or classifier with --cfg.`,
  });
}
