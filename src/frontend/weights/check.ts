import { sameShape } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import { counted } from "../counted.ts";
import { nearNames } from "../suggest.ts";
import { type KnownParts, causeOf, optionFor } from "./diagnose/cause.ts";
import { findPrefix } from "./diagnose/prefix.ts";
import { shown } from "./file.ts";
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
    } else if (!fits(expected.shape, found.shape) || isOpaque(found.dtype)) {
      mismatched.push({ name: expected.name, expected, found: { dtype: found.dtype, shape: found.shape } });
    }
  }
  const isKnown = (name: string): boolean =>
    declared.has(name) || (isCounter(name) && declared.has(name.replace(COUNTER, "running_mean")));
  return { missing, unexpected: [...source.keys()].filter((name) => !isKnown(name)), mismatched };
}

/** What the hint of a mismatch can say more with: the model's known modules, and whether the user named the file. */
interface MatchContext {
  readonly parts: KnownParts;
  readonly kind: "pretrained" | "file";
}

const noContext: MatchContext = { parts: { firstConv: [], classifier: [] }, kind: "pretrained" };

/**
 * The error for a match with missing or mismatched parameters, or with entries that the model does not have; undefined
 * where there are none of these. `lenient` says that left-over entries alone are none, as they are where timm loads
 * non-strictly.
 */
export function matchError(
  source: WeightSource,
  match: WeightMatch,
  lenient: boolean,
  context = noContext,
): TimmcError | undefined {
  const { missing, unexpected, mismatched } = match;
  if (missing.length + mismatched.length === 0)
    return unexpected.length === 0 || lenient ? undefined : leftOver(source, unexpected, context);
  const lines = [
    `the weights do not fit the model: ${missing.length} missing, ${mismatched.length} of another shape or type, ${unexpected.length} not used`,
    ...section("missing", missing, (spec) => {
      const [near] = nearNames(spec.name, unexpected, 1);
      return `${spec.name} ${printStored(spec)}${near === undefined ? "" : `, near: ${shown(near)}`}`;
    }),
    ...section("mismatched", mismatched, ({ name, expected, found }) => {
      return `${name}: the model has ${printStored(expected)}, the weights ${printStored(found)}`;
    }),
    ...section("not used", unexpected, shown),
  ];
  return new TimmcError("weights", lines.join("\n  "), { trail: [source.label], hint: advice(match, context) });
}

/** As strict as load_state_dict: what the model does not have may be of a deeper model, or of one that scales its layers. */
const leftOver = (source: WeightSource, unexpected: readonly string[], context: MatchContext): TimmcError =>
  new TimmcError(
    "weights",
    `the file holds ${entriesOf(unexpected.length)} that the model does not have, such as ${listedNames(unexpected)}`,
    {
      trail: [source.label],
      hint: `Ask for the architecture and the arguments that the file is of, or save it without them: ${doctorOf(context)} says which they are.`,
    },
  );

const doctorOf = ({ kind }: MatchContext): string => `timmc doctor MODEL${kind === "file" ? " --weights FILE" : ""}`;

export const entriesOf = (n: number): string => counted(n, "entry", "entries");
const listedNames = (names: readonly string[]): string => names.slice(0, 3).map(shown).join(", ");

const COUNTER = /num_batches_tracked$/;
const isCounter = (name: string): boolean => COUNTER.test(name);
const SHOWN = 5;

function section<T>(title: string, items: readonly T[], line: (item: T) => string): string[] {
  const rest = items.length > SHOWN ? [`${title}: and ${items.length - SHOWN} more`] : [];
  return [...items.slice(0, SHOWN).map((item) => `${title}: ${line(item)}`), ...rest];
}

const fits = (expected: readonly number[], found: readonly number[]): boolean =>
  expected.length === 0 && found.length === 1 ? found[0] === 1 : sameShape(expected, found);

const advice = (match: WeightMatch, context: MatchContext): string =>
  `${firstAdvice(match, context)} ${doctorOf(context)} shows each key.`;

function firstAdvice({ missing, unexpected, mismatched }: WeightMatch, { parts, kind }: MatchContext): string {
  const finding = findPrefix(
    missing.map((spec) => spec.name),
    unexpected,
  );
  if (finding?.change === "off")
    return `The keys carry the prefix \`${shown(finding.prefix)}\`: save the weights without it.`;
  if (finding?.change === "on") return `The keys lack the prefix \`${finding.prefix}\`.`;
  const args = mismatched.map((m) => causeOf(m.name, m.expected.shape, m.found.shape, parts).arg);
  const known = [...new Set(args)].filter((arg) => arg !== null);
  if (missing.length === 0 && known.length > 0 && !args.includes(null))
    return `The shapes ask for ${known.map((arg) => optionFor(kind, arg)).join(" ")}.`;
  if (missing.length === 0 && mismatched.length > 0)
    return "Pass the arguments that the checkpoint was trained with (--arg num_classes=…, in_chans=…, img_size=…).";
  return "Check that the architecture and its arguments are those of the checkpoint.";
}
