import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import type { OpName } from "../../ir/ops/index.ts";
import type { Value } from "../../ir/value.ts";
import { fingerprint } from "./fingerprint.ts";

/** What the numbers of a value were over the calibration pictures. */
export interface Range {
  /** The least and the greatest number seen. */
  readonly min: number;
  readonly max: number;
  /** What eight bits are to span, as the method of calibration chose it: min <= low <= high <= max. */
  readonly low: number;
  readonly high: number;
}

/** What the passes of a precision know of a network's numbers. It is a file's, read before: no pass sees a number itself. */
export interface Calibration {
  /** The fingerprint of the graph whose values were seen. */
  readonly graph: string;
  /** By the names of values: f32 values that run; `rangeOf` knows those of permutations too. */
  readonly ranges: Readonly<Record<string, Range>>;
  /** Names of values whose ops stay in float among eight bits: measured to hurt most. */
  readonly float: readonly string[];
}

/** Throws `config` where a calibration is of another graph: its ranges would be those of other values. */
export function requireCalibrated(graph: Graph, calibration: Calibration): void {
  if (fingerprint(graph) === calibration.graph) return;
  throw new TimmcError("config", "the calibration is of another graph: its ranges are those of other values", {
    hint: "Calibrate again with the options of this compile: timmc calibrate MODEL PICTURES... -o FILE.",
  });
}

/** Ops that give the numbers of their operand in another order, or some of them several times. */
const permutations: ReadonlySet<OpName> = new Set(["expand", "reshape", "roll", "transpose"]);

/** Whether the range of a value is that of what it is made of: such values are in no calibration. */
export const isPermutation = ({ op }: Value): boolean => permutations.has(op);

/** The range of a value; undefined for one that was not seen, such as a weight. */
export function rangeOf({ ranges }: Calibration, value: Value): Range | undefined {
  let seen = value;
  for (let [x] = seen.operands; isPermutation(seen) && x !== undefined; [x] = seen.operands) seen = x;
  return Object.hasOwn(ranges, seen.name) ? ranges[seen.name] : undefined;
}
