import { TimmcError } from "../../ir/error.ts";
import { type FloatStored, encodeStored, isFloatStored, toFloat32 } from "./load.ts";
import { nearNames } from "../suggest.ts";
import { shown } from "./file.ts";
import { type TensorData, type WeightSource, printStored, rowsOf } from "./source.ts";

/** What a model asks of a checkpoint (`inChans`, `numClasses`) and what is known about that. */
export interface Adaptation {
  readonly inChans: number;
  /** Classes of the model; 0 for a model without classifier and for `features_only`. */
  readonly numClasses: number;
  /** The shape of a parameter of the model by its name; undefined where the model has none. */
  readonly shape: (name: string) => readonly number[] | undefined;
  readonly checkpoint: {
    readonly firstConv: readonly string[];
    readonly classifier: readonly string[];
    /** Undefined where the file has no classifier that would tell; it is then taken for one of other classes. */
    readonly numClasses: number | undefined;
    /** Classes that lead the checkpoint's classifier and that the model does not have; 0 unless set. */
    readonly labelOffset?: number;
  };
}

/** A parameter that is left without values on purpose. */
export interface Withheld {
  readonly name: string;
  /** Why the checkpoint has no values for this parameter. */
  readonly reason: string;
  /** What to ask for instead where an output needs it. */
  readonly hint: string;
  /** The argument that fits the parameter to the file: `num_classes=7`, or `num_classes=0` to be without it; null without. */
  readonly arg: string | null;
}

export interface Adapted {
  /** The same keys without the withheld ones; adapted tensors are computed when they are read. */
  readonly source: WeightSource;
  /** In words, what became of the tensors that are not as they were, by their names. */
  readonly changes: ReadonlyMap<string, string>;
  /** Parameters that timm would leave at their random initial values. */
  readonly withheld: readonly Withheld[];
  /** False where timm then loads with strict=False: other missing and unexpected keys are no error. */
  readonly strict: boolean;
}

/**
 * timm's `load_pretrained`, between the checkpoint filter and `load_state_dict`: the first convolutions are adapted to
 * another number of input channels, and classifiers of another number of classes are left out. A first convolution that
 * has the model's channels already stays as it is, for which timm has no rule but for 3 of them.
 */
export function adaptWeights(source: WeightSource, wanted: Adaptation): Adapted {
  const outcomes = new Map([...adaptFirstConvs(source, wanted), ...adaptClassifiers(source, wanted)]);
  const withheld = [...outcomes.values()].flatMap((outcome) => ("reason" in outcome ? [outcome] : []));
  const changed = new Map([...outcomes].flatMap(([name, o]) => ("data" in o ? [[name, o] as const] : [])));
  return {
    source: {
      label: source.label,
      notices: source.notices ?? [],
      close: () => source.close(),
      keys: () => [...source.keys()].filter((name) => !isWithheld(outcomes.get(name))),
      get: (name) => (isWithheld(outcomes.get(name)) ? undefined : (changed.get(name)?.data ?? source.get(name))),
    },
    changes: new Map([...changed].map(([name, { change }]) => [name, change])),
    withheld,
    strict: withheld.length === 0,
  };
}

/** A tensor in another form, and what was done to it. */
interface Changed {
  readonly data: TensorData;
  readonly change: string;
}

type Outcome = Changed | Withheld;
type Outcomes = (readonly [name: string, outcome: Outcome])[];

const isWithheld = (outcome: Outcome | undefined): boolean => outcome !== undefined && "reason" in outcome;

function adaptFirstConvs(source: WeightSource, wanted: Adaptation): Outcomes {
  if (wanted.inChans === 3) return [];
  return wanted.checkpoint.firstConv.flatMap((module): Outcomes => {
    const name = `${module}.weight`;
    const data = required(source, name);
    const model = wanted.shape(name)?.[1];
    return data.shape[1] === model ? [] : [[name, adaptFirstConv(source, name, data, wanted)]];
  });
}

/**
 * The weight (O, I, h, w) of a first convolution for another number of input channels, in float32 and then the stored
 * type. One channel: the sum over I; over each run of 3 where I > 3 (a space-to-depth stem). Any other number n: the 3
 * channels repeated up to n, times 3 / n, so that equal channels give the same response.
 */
function adaptFirstConv(source: WeightSource, name: string, data: TensorData, wanted: Adaptation): Outcome {
  const { inChans } = wanted;
  const [outputs, inputs, height, width] = data.shape;
  const arg = ownChannels(wanted.shape(name), data.shape, inChans);
  const withhold = (reason: string): Withheld => ({
    name,
    reason,
    hint: arg === null ? "Use a file of the model's own input channels." : `Ask for the file's own with --arg ${arg}.`,
    arg,
  });
  if (data.shape.length !== 4 || outputs === undefined || inputs === undefined || !height || !width)
    return withhold(`${printStored(data)} is no 2-D convolution, so it cannot be adapted to ${inChans} input channels`);
  const { dtype } = data;
  if (!isFloatStored(dtype)) return withhold(`adapting it to ${inChans} input channels needs floats, not ${dtype}`);
  const area = height * width;
  if (inChans !== 1) {
    if (inputs !== 3) return withhold(`its ${inputs} input channels cannot be adapted to ${inChans}: only 3 can`);
    return {
      data: computed(data, dtype, [outputs, inChans, height, width], (weight) =>
        repeatChannels(weight, outputs, inChans, area),
      ),
      change: `3 input channels repeated and scaled to ${inChans}`,
    };
  }
  if (inputs > 3 && inputs % 3 !== 0) {
    throw new TimmcError("weights", `its ${inputs} input channels cannot be summed in runs of 3`, {
      trail: [source.label, name],
      hint: `Compile with --arg ${arg ?? "in_chans=3"}.`,
    });
  }
  const groups = inputs > 3 ? inputs / 3 : 1;
  return {
    data: computed(data, dtype, [outputs, groups, height, width], (weight) =>
      sumChannels(weight, outputs * groups, inputs / groups, area),
    ),
    change: `${inputs} input channels summed to ${groups}`,
  };
}

/** The argument for the input channels of a stored kernel, which a space-to-depth stem has several times over. */
function ownChannels(model: readonly number[] | undefined, stored: readonly number[], inChans: number): string | null {
  const fold = (model?.[1] ?? inChans) / inChans;
  const [, inputs = 0] = stored;
  return stored.length === 4 && inputs > 0 && inputs % fold === 0 ? `in_chans=${inputs / fold}` : null;
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

function adaptClassifiers(source: WeightSource, wanted: Adaptation): Outcomes {
  const { classifier, numClasses, labelOffset = 0 } = wanted.checkpoint;
  const names = classifier.flatMap((module) => [`${module}.weight`, `${module}.bias`]);
  if (wanted.numClasses !== numClasses) {
    const reason =
      numClasses === undefined
        ? "the file has no classifier"
        : `the checkpoint's classifier has ${numClasses} classes, the model ${wanted.numClasses}`;
    const arg = `num_classes=${numClasses ?? 0}`;
    const instead = numClasses === undefined ? "for the model without one" : "for the checkpoint's own classes";
    const hint = `Ask for other taps, such as --taps pre_logits,features, or ${instead} with --arg ${arg}.`;
    return names.map((name) => [name, { name, reason, hint, arg }]);
  }
  if (labelOffset === 0) return [];
  const change = `without its first ${labelOffset === 1 ? "row" : `${labelOffset} rows`}`;
  return names.map((name) => [name, { data: withoutRows(required(source, name), labelOffset), change }]);
}

/** The tensor without its first rows. */
function withoutRows(data: TensorData, rows: number): TensorData {
  const [all = 0] = data.shape;
  return rowsOf(data, Math.min(rows, all), all);
}

/** A tensor computed in float32 from another when it is read, and rounded to the type that the other has. */
function computed(
  data: TensorData,
  dtype: FloatStored,
  shape: readonly number[],
  compute: (values: Float32Array) => Float32Array,
): TensorData {
  return { dtype, shape, read: () => encodeStored(dtype, compute(toFloat32(data))) };
}

function required(source: WeightSource, name: string): TensorData {
  const data = source.get(name);
  if (data !== undefined) return data;
  const [near] = nearNames(name, source.keys(), 1);
  throw new TimmcError("weights", "the pretrained configuration names this parameter, and the weights do not have it", {
    trail: [source.label, name],
    hint: `${near === undefined ? "" : `Nearest key: ${shown(near)}. `}Correct first_conv or classifier with --cfg.`,
  });
}
