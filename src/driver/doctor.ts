import type { Mismatch } from "../frontend/weights/check.ts";
import { type KnownParts, causeOf } from "../frontend/weights/diagnose/cause.ts";
import { openWeights } from "../frontend/weights/open.ts";
import type { Entry } from "../frontend/weights/remap/entries.ts";
import { type WeightSource, isOpaque } from "../frontend/weights/source.ts";
import { nearNames } from "../frontend/suggest.ts";
import { resolveTaps } from "../frontend/taps.ts";
import { TimmcError } from "../ir/error.ts";
import { printExpression } from "../ir/printer.ts";
import { adviceOf, summaryOf } from "./doctor-advice.ts";
import { explain } from "./doctor-findings.ts";
import { type Attempt, type Patient, attemptFit, gaps, leftOver } from "./doctor-fit.ts";
import type { Diagnosis, ParameterReport, ParameterStatus, UnusedEntry } from "./doctor-report.ts";
import { namedParts } from "./fit-weights.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest } from "./lower-request.ts";
import { fileNotices } from "./weight-notices.ts";
import { type WeightFile, type WeightsChoice, weightFile, withheldUnder } from "./weights.ts";

export interface DoctorRequest extends LowerRequest {
  readonly weights?: WeightsChoice | undefined;
}

/**
 * Diagnoses a weight file: how each of its entries becomes which parameter of the model, what is missing, misshapen or
 * unused, and why. Reads the file's header and no numbers; a file that does not fit is a result, not an error. Throws
 * TimmcError where the model or the file itself cannot be read.
 */
export async function doctor(request: DoctorRequest): Promise<Diagnosis> {
  const { weights = "pretrained", progress } = request;
  if (weights === "synthetic" || weights === "none")
    throw new TimmcError("usage", `--weights ${weights} has no file to diagnose`, {
      hint: "Use --weights FILE, or leave it out for the pretrained weights.",
    });
  const lowering = await lowerRequest(request);
  const { resolved, lowered } = lowering;
  const file = await weightFile(weights, resolved, request);
  progress?.(`reading the header of ${file.path}`);
  const source = openWeights(file.path);
  try {
    const kind = weights === "pretrained" ? weights : "file";
    return await diagnose({ kind, source, resolved, lowered }, lowering, file, progress);
  } finally {
    source.close();
  }
}

async function diagnose(
  patient: Patient,
  lowering: LoweredRequest,
  { hub }: WeightFile,
  progress: DoctorRequest["progress"],
): Promise<Diagnosis> {
  const { kind, source, resolved, lowered } = patient;
  const attempt = attemptFit(patient);
  const { remapped, withheld, failure } = attempt;
  const findings = await explain(patient, attempt, progress);
  const parameters = parametersOf(patient, attempt);
  const isWhole = !parameters.some((p) => p.status === "withheld");
  const facts = {
    architecture: resolved.architecture,
    tag: resolved.tag,
    family: resolved.family.name,
    weights: kind,
    file: source.label,
    hub: hub ?? null,
    entries: [...source.keys()].length,
    layout: remapped.layout ?? null,
    verdict: gaps(attempt) + leftOver(attempt) > 0 || failure !== undefined ? "fails" : isWhole ? "loads" : "partly",
    failure: failure === undefined ? null : { message: failure.message, hint: failure.hint ?? null },
    parameters,
    dropped: droppedOf(patient, attempt),
    unused: unusedOf(attempt),
    taps: tapsOf(lowering, withheld),
    findings,
    notices: [...lowering.notices, ...(source.notices ?? []), ...fileNotices(kind, source, attempt, lowered)],
  } satisfies Partial<Diagnosis>;
  return { ...facts, summary: summaryOf(facts), advice: adviceOf(facts) };
}

/** Names that differ everywhere are for the mapping to compare; these few are compared letter by letter. */
const maxComparisons = 5000;

/** How each parameter comes by its values. */
function parametersOf({ source, resolved, lowered }: Patient, attempt: Attempt): ParameterReport[] {
  const { remapped, adapted, match, withheld } = attempt;
  const entries = new Map(remapped.entries.map((entry) => [entry.name, entry]));
  const missing = new Set(match.missing.map((spec) => spec.name));
  const misshapen = new Map(match.mismatched.map((m) => [m.name, m]));
  const parts = namedParts(resolved);
  const comparesNames = match.missing.length * match.unexpected.length <= maxComparisons;
  const statusOf = (name: string): ParameterStatus => {
    if (withheld.has(name)) return "withheld";
    if (misshapen.has(name)) return "misshapen";
    if (missing.has(name)) return "missing";
    return entries.has(name) ? "loads" : "counter";
  };
  return lowered.parameters.map(({ name, shape }): ParameterReport => {
    const entry = entries.get(name);
    const wrong = misshapen.get(name);
    const held = withheld.get(name);
    const status = statusOf(name);
    return {
      name,
      shape,
      status,
      from: entry?.from ?? [],
      stored: storedTypes(source, entry),
      steps: entry?.steps ?? [],
      expression: entry?.value === undefined ? null : printExpression(entry.value),
      adaptation: status === "loads" ? (adapted.changes.get(name) ?? null) : null,
      found: wrong?.found.shape ?? (held === undefined ? undefined : remapped.source.get(name)?.shape) ?? null,
      reason: held?.reason ?? (wrong === undefined ? null : causeText(wrong, parts)),
      arg: held?.arg ?? null,
      near: status === "missing" && comparesNames ? (nearNames(name, match.unexpected, 1)[0] ?? null) : null,
    };
  });
}

/** Why an entry does not fit its parameter: its type, or what its shape says. */
const causeText = ({ name, expected, found }: Mismatch, parts: KnownParts): string =>
  isOpaque(found.dtype)
    ? `stored as ${found.dtype}, which no parameter loads from`
    : causeOf(name, expected.shape, found.shape, parts).text;

const storedTypes = (source: WeightSource, entry: Entry | undefined): ParameterReport["stored"] =>
  [...new Set(entry?.from.map((key) => source.get(key)?.dtype))].filter((dtype) => dtype !== undefined);

/** Entries that a step has no use for, and classifiers that the model has no place for. */
function droppedOf({ lowered }: Patient, { remapped, withheld }: Attempt): Diagnosis["dropped"] {
  const declared = new Set(lowered.parameters.map((p) => p.name));
  const left = remapped.entries.flatMap(({ name, from }) => {
    const what = declared.has(name) ? undefined : withheld.get(name)?.reason;
    return what === undefined ? [] : [{ from, what }];
  });
  return [...remapped.dropped, ...left];
}

function unusedOf({ remapped, adapted, match }: Attempt): UnusedEntry[] {
  const entries = new Map(remapped.entries.map((entry) => [entry.name, entry]));
  return match.unexpected.flatMap((name) => {
    const data = adapted.source.get(name);
    return data === undefined
      ? []
      : [{ from: entries.get(name)?.from ?? [name], dtype: data.dtype, shape: data.shape }];
  });
}

/** The outputs that everybody asks for, and those of the request. */
function tapsOf(lowering: LoweredRequest, withheld: Attempt["withheld"]): Diagnosis["taps"] {
  const { lowered, stages, tapNames } = lowering;
  const usual = ["logits", "pre_logits", "forward_features", ...(stages.length > 0 ? ["features"] : [])];
  return [...new Set([...usual, ...tapNames])].map((name) => {
    const values = resolveTaps(lowered, [name], stages).map((tap) => tap.value);
    return { name, needs: values.map((v) => withheldUnder(v, withheld)?.name).find((n) => n !== undefined) ?? null };
  });
}
