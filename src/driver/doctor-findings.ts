import { causeOf } from "../frontend/weights/diagnose/cause.ts";
import { type Named, maxEntries } from "../frontend/weights/diagnose/entry.ts";
import { type Mapping, findMapping } from "../frontend/weights/diagnose/mapping.ts";
import { type PrefixFinding, commonPrefixes, findPrefix } from "../frontend/weights/diagnose/prefix.ts";
import { type SiblingMatch, findSiblings } from "../frontend/weights/diagnose/siblings.ts";
import { type Attempt, type Patient, attemptFit, gaps, withoutPrefix } from "./doctor-fit.ts";
import type { Findings } from "./doctor-report.ts";
import { fileClasses, hasClassifier, namedParts } from "./fit-weights.ts";

type Progress = ((text: string) => void) | undefined;

/**
 * Looks for what explains the gaps of a file: a prefix, a mapping, another architecture, other arguments. A mapping of a
 * part is no explanation where another architecture has all of the file.
 */
export async function explain(patient: Patient, attempt: Attempt, progress: Progress): Promise<Findings> {
  const { unexpected } = attempt.match;
  const other = async (prefix: TriedPrefix | undefined, unused: number) =>
    siblingsOf(patient, prefix?.attempt ?? attempt, { prefix, unused, progress });
  if (gaps(attempt) === 0) {
    const siblings = unexpected.length === 0 ? null : await other(undefined, unexpected.length);
    return { prefix: null, mapping: null, siblings, args: [] };
  }
  const prefix = bestPrefix(patient, attempt);
  const seen = prefix?.attempt ?? attempt;
  const mapping = gaps(seen) === 0 ? null : mappingOf(seen);
  const args = [...new Set([...argumentsOf(patient, seen), ...(prefix === undefined ? [] : partArguments(seen))])];
  const isExplained = gaps(seen) === 0 || coversAll(seen, mapping) || argsCover(patient, seen);
  if (isExplained) return { prefix: findingOf(prefix), mapping, siblings: null, args };
  const wrapped = prefix ?? otherPrefix(patient, attempt);
  const behind = wrapped === undefined ? null : await other(wrapped, Number.POSITIVE_INFINITY);
  if (behind !== null) return { prefix: findingOf(wrapped), mapping: null, siblings: behind, args: [] };
  const siblings = prefix === undefined ? await other(undefined, Number.POSITIVE_INFINITY) : null;
  return { prefix: findingOf(prefix), mapping: siblings === null ? mapping : null, siblings, args };
}

const findingOf = (tried: TriedPrefix | undefined): Findings["prefix"] =>
  tried === undefined ? null : { ...tried.finding, ...after(tried.attempt) };

/** The prefix of a file of another architecture, which has many names of the model, and not those of most parameters. */
function otherPrefix(patient: Patient, { match: { missing, unexpected } }: Attempt): TriedPrefix | undefined {
  const names = missing.map((spec) => spec.name);
  const finding = findPrefix(names, unexpected, "either");
  return finding === undefined ? undefined : { finding, attempt: attemptWithout(patient, finding) };
}

const attemptWithout = (patient: Patient, finding: PrefixFinding): Attempt =>
  attemptFit({ ...patient, source: withoutPrefix(patient.source, finding) });

/** Arguments that the parameters ask for that are left without values. */
const partArguments = ({ withheld }: Attempt): string[] =>
  [...withheld.values()].flatMap(({ arg }) => (arg === null ? [] : [arg]));

interface TriedPrefix {
  readonly finding: PrefixFinding;
  readonly attempt: Attempt;
}

const after = ({ match, remapped }: Attempt) => ({
  missing: match.missing.length,
  misshapen: match.mismatched.length,
  open: [...match.missing.map((spec) => spec.name), ...match.mismatched.map((m) => m.name)],
  layout: remapped.layout?.name ?? null,
});

/**
 * The prefix that leaves the fewest gaps, where it leaves at most half of them: the one that leads to timm's names, or
 * one that all entries share and that leads to a layout.
 */
function bestPrefix(patient: Patient, attempt: Attempt): TriedPrefix | undefined {
  const { missing, unexpected } = attempt.match;
  const names = missing.map((spec) => spec.name);
  const direct = findPrefix(names, unexpected);
  const shared = commonPrefixes([...patient.source.keys()]).map((prefix): PrefixFinding => ({
    change: "off",
    prefix,
    found: 0,
    rivals: [],
  }));
  let best: TriedPrefix | undefined;
  for (const finding of direct === undefined ? shared : [direct]) {
    const tried = attemptWithout(patient, finding);
    if (gaps(tried) * 2 > gaps(attempt) || (best !== undefined && gaps(tried) >= gaps(best.attempt))) continue;
    best = { finding: { ...finding, found: missing.length - tried.match.missing.length }, attempt: tried };
  }
  return best;
}

function mappingOf({ match, adapted }: Attempt): Mapping | null {
  const unused = match.unexpected.slice(0, maxEntries).flatMap((name): Named[] => {
    const data = adapted.source.get(name);
    return data === undefined ? [] : [{ name, shape: data.shape }];
  });
  const mapping = findMapping(match.missing, unused);
  const passedOver = mapping.passedOver + Math.max(0, match.unexpected.length - maxEntries);
  return mapping.templates.length + mapping.ambiguous.length + passedOver === 0 ? null : { ...mapping, passedOver };
}

/** Whether a mapping finds every missing parameter, and nothing else is wrong. */
const coversAll = ({ match }: Attempt, mapping: Mapping | null): boolean =>
  match.mismatched.length === 0 &&
  mapping !== null &&
  new Set(mapping.templates.flatMap((t) => t.pairs.flatMap((p) => p.to))).size === match.missing.length;

/** The argument that would give each misshapen parameter the shape of the file, null where none does. */
function argumentPerMismatch({ resolved }: Patient, { match }: Attempt): (string | null)[] {
  const parts = namedParts(resolved);
  return match.mismatched.map((m) => causeOf(m.name, m.expected.shape, m.found.shape, parts).arg);
}

const argumentsOf = (patient: Patient, seen: Attempt): string[] =>
  [...new Set(argumentPerMismatch(patient, seen))].filter((arg) => arg !== null);

const argsCover = (patient: Patient, seen: Attempt): boolean =>
  seen.match.missing.length === 0 && argumentPerMismatch(patient, seen).every((arg) => arg !== null);

interface Search {
  readonly prefix: TriedPrefix | undefined;
  /** Architectures that leave as many entries unused are no answer. */
  readonly unused: number;
  readonly progress: Progress;
}

/** Other architectures for a file as `attempt` has it; one without a classifier is compared with those without. */
async function siblingsOf(
  patient: Patient,
  attempt: Attempt,
  { prefix, unused, progress }: Search,
): Promise<SiblingMatch | null> {
  const { resolved, lowered } = patient;
  const source = prefix === undefined ? patient.source : withoutPrefix(patient.source, prefix.finding);
  const { classifier, firstConv } = namedParts(resolved);
  const named = attempt.remapped.source;
  const classes = fileClasses(named, classifier) ?? (hasClassifier(named, classifier) ? resolved.numClasses : 0);
  const stem = `${firstConv[0] ?? ""}.weight`;
  const inputs = named.get(stem)?.shape[1];
  const own = lowered.parameters.find((p) => p.name === stem)?.shape[1];
  const channels = inputs === undefined || inputs === own ? resolved.inputSize[0] : inputs;
  const { family, architecture } = resolved;
  const query = { source, family, architecture, args: { num_classes: classes, in_chans: channels }, unused, progress };
  return (await findSiblings(query)) ?? null;
}
