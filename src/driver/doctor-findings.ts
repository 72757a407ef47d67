import { causeOf } from "../frontend/weights/diagnose/cause.ts";
import { type Named, maxEntries } from "../frontend/weights/diagnose/entry.ts";
import { type Mapping, findMapping } from "../frontend/weights/diagnose/mapping.ts";
import { type PrefixFinding, commonPrefixes, findPrefix } from "../frontend/weights/diagnose/prefix.ts";
import { type SiblingMatch, findSiblings } from "../frontend/weights/diagnose/siblings.ts";
import { type Attempt, type Patient, attemptFit, gaps, withoutPrefix } from "./doctor-fit.ts";
import type { Findings } from "./doctor-report.ts";
import { fileClasses, namedParts } from "./fit-weights.ts";

/** Looks for what explains the gaps of a file: a prefix, a mapping, another architecture, other arguments. */
export async function explain(patient: Patient, attempt: Attempt): Promise<Findings> {
  const { unexpected } = attempt.match;
  if (gaps(attempt) === 0) {
    const siblings = unexpected.length === 0 ? null : await siblingsOf(patient, attempt, undefined, unexpected.length);
    return { prefix: null, mapping: null, siblings, args: [] };
  }
  const prefix = bestPrefix(patient, attempt);
  const seen = prefix?.attempt ?? attempt;
  const mapping = gaps(seen) === 0 ? null : mappingOf(seen);
  const args = argumentsOf(patient, seen);
  const isExplained = gaps(seen) === 0 || coversAll(seen, mapping) || argsCover(patient, seen);
  const siblings = isExplained ? null : await siblingsOf(patient, attempt, prefix, Number.POSITIVE_INFINITY);
  return {
    prefix: prefix === undefined ? null : { ...prefix.finding, ...after(prefix.attempt) },
    mapping,
    siblings,
    args,
  };
}

interface TriedPrefix {
  readonly finding: PrefixFinding;
  readonly attempt: Attempt;
}

const after = ({ match, remapped }: Attempt) => ({
  missing: match.missing.length,
  misshapen: match.mismatched.length,
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
    const tried = attemptFit({ ...patient, source: withoutPrefix(patient.source, finding) });
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

/** Architectures that leave fewer entries unused than `unused`. */
async function siblingsOf(
  patient: Patient,
  attempt: Attempt,
  prefix: TriedPrefix | undefined,
  unused: number,
): Promise<SiblingMatch | null> {
  const { resolved, lowered } = patient;
  const source = prefix === undefined ? patient.source : withoutPrefix(patient.source, prefix.finding);
  const { classifier, firstConv } = namedParts(resolved);
  const named = (prefix?.attempt ?? attempt).remapped.source;
  const classes = fileClasses(named, classifier) ?? resolved.numClasses;
  const stem = `${firstConv[0] ?? ""}.weight`;
  const inputs = named.get(stem)?.shape[1];
  const own = lowered.parameters.find((p) => p.name === stem)?.shape[1];
  const channels = inputs === undefined || inputs === own ? resolved.inputSize[0] : inputs;
  const { family, architecture } = resolved;
  const query = { source, family, architecture, args: { num_classes: classes, in_chans: channels }, unused };
  return (await findSiblings(query)) ?? null;
}
