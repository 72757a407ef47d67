import { TimmcError } from "../../ir/error.ts";
import { nearNames } from "../suggest.ts";
import { findPrefix } from "./diagnose/prefix.ts";
import { type StoredDType, type TensorSpec, type WeightSource, isOpaque, printStored } from "./source.ts";

export interface Mismatch {
  readonly name: string;
  readonly expected: TensorSpec;
  readonly found: { readonly dtype: StoredDType; readonly shape: readonly number[] };
}

/** How a source fits a model. Order: missing and mismatched as declared, unexpected as in the source. */
export interface WeightMatch {
  /** Declared, but without values in the source. */
  readonly missing: readonly TensorSpec[];
  /** In the source, but not declared. */
  readonly unexpected: readonly string[];
  /** Values of another shape, or of a type that nothing can be loaded from. */
  readonly mismatched: readonly Mismatch[];
}

/**
 * Compares names, shapes and types as timm's `load_state_dict` does: a tensor of shape (1,) loads into a scalar, and a
 * batch norm's `num_batches_tracked` may be missing (it is 0) or left over. No values are read.
 */
export function matchWeights(source: WeightSource, parameters: Iterable<TensorSpec>): WeightMatch {
  const declared = new Map<string, TensorSpec>();
  for (const spec of parameters) declared.set(spec.name, spec);
  const missing: TensorSpec[] = [];
  const mismatched: Mismatch[] = [];
  for (const expected of declared.values()) {
    const found = source.get(expected.name);
    if (found === undefined) {
      if (!isCounter(expected.name)) missing.push(expected);
    } else if (!sameShape(expected.shape, found.shape) || isOpaque(found.dtype)) {
      mismatched.push({ name: expected.name, expected, found: { dtype: found.dtype, shape: found.shape } });
    }
  }
  const isKnown = (name: string): boolean =>
    declared.has(name) || (isCounter(name) && declared.has(name.replace(COUNTER, "running_mean")));
  return { missing, unexpected: [...source.keys()].filter((name) => !isKnown(name)), mismatched };
}

/**
 * The error for a match with missing or mismatched parameters; undefined where every parameter has values. Unexpected
 * keys alone are no error: they are named where they help to explain the rest.
 */
export function matchError(source: WeightSource, match: WeightMatch): TimmcError | undefined {
  const { missing, unexpected, mismatched } = match;
  if (missing.length + mismatched.length === 0) return undefined;
  const lines = [
    `the weights do not fit the model: ${missing.length} missing, ${mismatched.length} of another shape or type, ${unexpected.length} not used`,
    ...listed("missing", missing, (spec) => {
      const [near] = nearNames(spec.name, unexpected, 1);
      return `${spec.name} ${printStored(spec)}${near === undefined ? "" : `, near: ${near}`}`;
    }),
    ...listed("mismatched", mismatched, ({ name, expected, found }) => {
      return `${name}: the model has ${printStored(expected)}, the weights ${printStored(found)}`;
    }),
    ...listed("not used", unexpected, (name) => name),
  ];
  return new TimmcError("weights", lines.join("\n  "), { trail: [source.label], hint: advice(match) });
}

const COUNTER = /num_batches_tracked$/;
const isCounter = (name: string): boolean => COUNTER.test(name);
const SHOWN = 5;

function listed<T>(title: string, items: readonly T[], line: (item: T) => string): string[] {
  const rest = items.length > SHOWN ? [`${title}: and ${items.length - SHOWN} more`] : [];
  return [...items.slice(0, SHOWN).map((item) => `${title}: ${line(item)}`), ...rest];
}

function sameShape(expected: readonly number[], found: readonly number[]): boolean {
  if (expected.length === 0 && found.length === 1) return found[0] === 1;
  return expected.length === found.length && expected.every((dim, i) => dim === found[i]);
}

function advice({ missing, unexpected, mismatched }: WeightMatch): string {
  return `${firstAdvice(missing, unexpected, mismatched)} timmc doctor MODEL shows each key.`;
}

function firstAdvice(
  missing: readonly TensorSpec[],
  unexpected: readonly string[],
  mismatched: readonly Mismatch[],
): string {
  const finding = findPrefix(
    missing.map((spec) => spec.name),
    unexpected,
  );
  if (finding?.change === "off") return `The keys carry the prefix \`${finding.prefix}\`: save the weights without it.`;
  if (finding?.change === "on") return `The keys lack the prefix \`${finding.prefix}\`.`;
  if (missing.length === 0 && mismatched.length > 0)
    return "Pass the arguments that the checkpoint was trained with (--arg num_classes=…, in_chans=…, img_size=…).";
  return "Check that the architecture and its arguments are those of the checkpoint.";
}
