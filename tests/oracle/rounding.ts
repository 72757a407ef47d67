import type { TensorRecord } from "./records.ts";
import type { Expectation } from "./requests.ts";

/** Outputs of some records, by the beginning of the records' names, and why rounding decides them. */
interface DecidedOutputs {
  readonly records: RegExp;
  readonly taps: readonly string[];
  readonly cause: keyof typeof causes;
}

const ends = ["forward_features", "pre_logits", "logits"];

export const causes = {
  softmax:
    "attention scores reach hundreds and more, so that a softmax is a choice of one key, and keys that are equal within rounding are chosen by it",
  clamp: "blocks multiply activations up to 1e5, of which ReLU6 keeps the range up to 6: a step",
  gate: "activations grow to 1e9, for which the sigmoid of a gate is a step",
  product: "24 blocks, each multiplying two halves of its activations, are twice those that still agree",
};

/** A few movements: the record was rounded in one way, our run in another, each nudged run in its own. */
export const movementsAllowed = 4;

/**
 * Outputs that rounding decides: changing the last bit of the input's elements moves each of them by more than a record
 * allows, by thousands of times that in places, where it moves those of other networks by a hundredth. It is a property of
 * the networks with the synthetic weights, not of a program: the float64 interpreter, where it was tried, moves as far.
 * So no float32 program, timm's own included, is held to more by such a record.
 *
 * Those of this list are still compared: they may miss the record by `movementsAllowed` times their movement, which is
 * measured in every comparison and must be more than a record allows, and little enough that the comparison says something.
 */
export const looseOutputs: readonly DecidedOutputs[] = [
  { records: /^efficientformerv2_(s2|l)\b/, taps: ["pre_logits", "logits"], cause: "softmax" },
  { records: /^efficientvit_m0\?.*img_size=256/, taps: ["features.1"], cause: "softmax" },
  { records: /^efficientvit_m2 with/, taps: ["features.1", "features.2"], cause: "softmax" },
  { records: /^efficientvit_m2$/, taps: ["forward_features"], cause: "softmax" },
  { records: /^ghostnetv3_(050|160)\b/, taps: ["features.3"], cause: "gate" },
  {
    records: /^gmixer_24_224\b/,
    taps: ["features.21", "features.22", "features.23", "forward_features"],
    cause: "product",
  },
  { records: /^mobilenetv4_hybrid_.*(@|in_chans=1)/, taps: ["forward_features"], cause: "softmax" },
  { records: /^mobilenetv4_hybrid_(?!.*(@|in_chans=1|=max|large_075))/, taps: ["pre_logits"], cause: "softmax" },
  { records: /^mobilenetv4_hybrid_(?!.*(@|in_chans=1))/, taps: ["logits"], cause: "softmax" },
  { records: /^starnet_s2\b/, taps: ["features.2"], cause: "clamp" },
  { records: /^visformer_.*in_chans=1/, taps: ["pre_logits", "logits"], cause: "softmax" },
];

/**
 * Outputs that move so far that a comparison with the record would let zeros pass. Only their shape, and that they are
 * finite, is checked, and in every run that they are as undecidable as this list says.
 */
export const undecidableOutputs: readonly DecidedOutputs[] = [
  { records: /^efficientformerv2_(s2|l)\b/, taps: ["features.3", "forward_features"], cause: "softmax" },
  { records: /^efficientvit_m0\?.*img_size=256/, taps: ["features.2"], cause: "softmax" },
  { records: /^ghostnetv3_/, taps: ["features.4", ...ends], cause: "gate" },
  {
    records: /^mobilenetv4_hybrid_(?!.*(@|in_chans=1))/,
    taps: ["features.4", "forward_features"],
    cause: "softmax",
  },
  { records: /^mobilenetv4_hybrid_(large_075$|.*=max)/, taps: ["pre_logits"], cause: "softmax" },
  { records: /^starnet_s[134]\b/, taps: ["features.2"], cause: "clamp" },
  { records: /^starnet_s[1-4]\b/, taps: ["features.3", ...ends], cause: "clamp" },
  { records: /^visformer_(?!.*in_chans=1)/, taps: ends, cause: "softmax" },
  { records: /^visformer_.*in_chans=1/, taps: ["forward_features"], cause: "softmax" },
];

/** What of a network with undecidable outputs comes before them and does not move: images of a batch are held to it. */
const before: readonly (readonly [records: RegExp, taps: readonly string[]])[] = [
  [/^efficientformerv2_/, ["features.0", "features.1"]],
  [/^efficientvit_m0/, ["features.0"]],
  [/^ghostnetv3_/, ["features.0", "features.1", "features.2"]],
  [/^mobilenetv4_hybrid_/, ["features.2", "features.3"]],
  [/^starnet_/, ["features.0", "features.1"]],
  [/^visformer_/, ["module:stage1"]],
];

/** How an output is held to its record. */
export type Standing = "exact" | "loose" | "undecidable";

const finds =
  ({ name }: Expectation, tap: string) =>
  ({ records, taps }: DecidedOutputs): boolean =>
    records.test(name) && taps.includes(tap);

export function standingOf(expected: Expectation, tap: string): Standing {
  if (undecidableOutputs.some(finds(expected, tap))) return "undecidable";
  return looseOutputs.some(finds(expected, tap)) ? "loose" : "exact";
}

/** Why rounding decides a record's outputs, by the names of the causes. */
export const causeOf = (expected: Expectation): string[] =>
  [...looseOutputs, ...undecidableOutputs]
    .filter((entry) => expected.outputs.some(([tap]) => finds(expected, tap)(entry)))
    .map(({ cause }) => cause);

/**
 * What a comparison with a record that is less strict by a movement would let pass, in the record's spread. At half of it the lists
 * above part; they are held to it with a margin of two, since the movement is measured, and other processors round otherwise.
 */
const slack = (movement: number, { std }: TensorRecord): number => (movementsAllowed * movement) / std;
export const saysNothing = (movement: number, record: TensorRecord): boolean => slack(movement, record) >= 1;
export const saysSomething = (movement: number, record: TensorRecord): boolean => slack(movement, record) < 0.25;

/** Taps besides the record's own by which images in a batch are compared, where some of its outputs are undecidable. */
export function stableTaps(expected: Expectation): string[] {
  const { name, outputs } = expected;
  if (!outputs.some(([tap]) => standingOf(expected, tap) === "undecidable")) return [];
  const taps = before.find(([records]) => records.test(name))?.[1];
  if (taps === undefined) throw new RangeError(`${name}: nothing is known to come before its undecidable outputs`);
  return taps.filter((tap) => outputs.every(([own]) => own !== tap));
}
