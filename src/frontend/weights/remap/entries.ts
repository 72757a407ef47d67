import { Graph } from "../../../ir/graph.ts";
import type { Value } from "../../../ir/value.ts";
import { type FloatStored, isFloatStored } from "../load.ts";
import { type TensorData, type WeightSource, isOpaque } from "../source.ts";

/** An entry on its way from a file to a model: as stored, or an expression over stored ones. */
export interface Entry {
  readonly name: string;
  /** The file's keys that it is made of. */
  readonly from: readonly string[];
  /** The steps that touched it, in words. */
  readonly steps: readonly string[];
  /** Undefined while it is what the file holds under its one key. */
  readonly value: Value | undefined;
  /** Where a step resampled it: what, and the shapes before and after. */
  readonly resized?: Resized | undefined;
}

/** Numbers of another extent than the file's. */
export interface Resized {
  readonly what: string;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** The entries of a file between two steps, in its order; expressions are values of one graph of weights. */
export class Entries {
  readonly graph: Graph;
  private readonly source: WeightSource;
  private readonly params = new Map<string, Value>();

  constructor(source: WeightSource) {
    this.graph = new Graph("checkpoint");
    this.source = source;
  }

  all(): Entry[] {
    return [...this.source.keys()].map((name) => ({ name, from: [name], steps: [], value: undefined }));
  }

  /** What the file holds for an entry that is as stored. */
  stored({ from: [key = ""] }: Entry): TensorData | undefined {
    return this.source.get(key);
  }

  /** Whether expressions can be made of an entry: whether it is of numbers that a float64 holds. */
  isNumeric(entry: Entry): boolean {
    const data = this.stored(entry);
    return entry.value !== undefined || (data !== undefined && !isOpaque(data.dtype));
  }

  /** The type of an entry that is computed: the one float type of all that it is made of, as timm has it; f32 without. */
  dtypeOf({ from }: Entry): FloatStored {
    const [dtype, ...others] = new Set(from.map((key) => this.source.get(key)?.dtype));
    return dtype !== undefined && others.length === 0 && isFloatStored(dtype) ? dtype : "f32";
  }

  /** The expression of an entry. Whatever the file has is f32 here: types are of no matter before numbers are read. */
  valueOf(entry: Entry): Value {
    const {
      from: [key = ""],
      value,
    } = entry;
    const known = value ?? this.params.get(key);
    if (known !== undefined) return known;
    const shape = [...(this.stored(entry)?.shape ?? [])];
    const param = this.graph.insert("param", [], { key, dtype: "f32", shape }, { path: key, rules: [] });
    this.params.set(key, param);
    return param;
  }
}
