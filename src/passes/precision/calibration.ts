import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { needed } from "../../ir/interpret.ts";
import type { Value } from "../../ir/value.ts";
import { fingerprint } from "./fingerprint.ts";
import type { Precision } from "./precision.ts";

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
  /** What it was made for: of fp16 the ops that eight bits hurt were not looked for. */
  readonly precision: Extract<Precision, "fp16" | "int8">;
  /** The fingerprint of the graph whose values were seen. */
  readonly graph: string;
  /** By the names of values: f32 values that run; `rangeOf` knows those of permutations too. */
  readonly ranges: Readonly<Record<string, Range>>;
  /** Names of values whose ops stay in float among eight bits: measured to hurt most. */
  readonly float: readonly string[];
}

/**
 * Throws `config` where a calibration is of another graph, whose values would be others, and where it is not all of this
 * one: every value of `seenValues` has a range, and no other name is in it.
 */
export function requireCalibrated(graph: Graph, calibration: Calibration): void {
  const fault = faultOf(graph, calibration);
  if (fault === undefined) return;
  throw new TimmcError("config", fault, {
    hint: "Calibrate again with the options of this compile: timmc calibrate MODEL PICTURES... -o FILE.",
  });
}

function faultOf(graph: Graph, calibration: Calibration): string | undefined {
  if (fingerprint(graph) !== calibration.graph)
    return "the calibration is of another graph: its ranges are those of other values";
  const { ranges, float } = calibration;
  const values = seenValues(graph);
  const lacking = values.find((v) => !v.type.shape.includes(0) && !Object.hasOwn(ranges, v.name));
  if (lacking !== undefined) return `the calibration was edited: it has no range of %${lacking.name}`;
  const names = new Set(values.map((v) => v.name));
  const stray = Object.keys(ranges).find((name) => !names.has(name));
  if (stray !== undefined)
    return `the calibration was edited: it has a range of ${JSON.stringify(stray)}, which is no value that was seen`;
  const running = new Set(needed(graph).flatMap((v) => (v.isWeight ? [] : [v.name])));
  const unknown = float.find((name) => !running.has(name));
  return (
    unknown &&
    `the calibration was edited: it leaves ${JSON.stringify(unknown)} in float, which is no value of the graph`
  );
}

/** The f32 values that run and hold numbers of their own, in graph order. Such without elements have no range. */
export const seenValues = (graph: Graph): Value[] =>
  needed(graph).filter((v) => !v.isWeight && v.type.dtype === "f32" && !isPermutation(v));

/** Ops that give the numbers of their operand in another order, or some of them several times. */
const permutations: ReadonlySet<OpName> = new Set(["expand", "reshape", "roll", "transpose"]);

/** Whether the range of a value is that of what it is made of: such values are in no calibration. */
const isPermutation = ({ op }: Value): boolean => permutations.has(op);

/** The range of a value; undefined for one that was not seen, such as a weight. */
export const rangeOf = ({ ranges }: Calibration, value: Value): Range | undefined =>
  rangeBehind(value, ({ name }) => (Object.hasOwn(ranges, name) ? ranges[name] : undefined));

/** The first range that is known of a value and of what it has the numbers of. */
export function rangeBehind(value: Value, known: (x: Value) => Range | undefined): Range | undefined {
  const range = known(value);
  const [x] = value.operands;
  return range === undefined && isPermutation(value) && x !== undefined ? rangeBehind(x, known) : range;
}
