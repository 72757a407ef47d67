import type { RuntimeFacts } from "../runtime/session.ts";
import type { Artifact } from "./artifact.ts";
import { type Certificate, type Failure, type OutputVerdict, certificateVersion } from "./certificate.ts";
import type { Manifest, ManifestOutput } from "./manifest.ts";
import type { Precision } from "../passes/precision/precision.ts";
import { type Measurement, budgetOf, passes, precisionOf } from "./verify-compare.ts";
import type { TestInput } from "./verify-inputs.ts";
import { type Movement, isExcused } from "./verify-rounding.ts";
import { ownFailure } from "./verify-failure.ts";
import { version } from "./version.ts";

/** One input against one reference, every output measured. */
export interface Trial {
  readonly input: TestInput;
  readonly reference: Certificate["inputs"][number]["reference"];
  readonly measurements: readonly Measurement[];
}

/** By the inputs on which an output fails. */
export type Movements = ReadonlyMap<TestInput, Movement>;

/** What is no fault of a trial: an error within its budget, or within what rounding makes of the output. */
export const excuseOf = (movements: Movements, { input }: Trial): ((m: Measurement) => boolean) =>
  isExcused(movements.get(input) ?? new Map());

/** The failure of outputs beyond their budgets of which nothing can be said; null when there are none. */
export function undecided(
  { outputs, source }: Manifest,
  trials: readonly Trial[],
  movements: Movements,
): Failure | null {
  const found = outputs.flatMap(({ name }, index) => {
    const moved = movedOf(trialsOf(trials, index, movements));
    return moved === null ? [] : [{ name, moved }];
  });
  const [most, ...others] = found.toSorted((a, b) => b.moved - a.moved);
  if (most === undefined) return null;
  const also = others.length === 0 ? "" : `, nor about ${others.map((o) => o.name).join(", ")}`;
  const why =
    source.weights.kind === "synthetic" ? " Synthetic weights make some networks so: verify it with trained ones." : "";
  return ownFailure("rounding", `${most.name} is ${roundingText(most.moved)}${also}.${why}`);
}

interface Circumstances {
  /** What ran the artifact. */
  readonly runtime: RuntimeFacts;
  readonly movements: Movements;
}

/** What all trials come to. Without any, nothing was run. */
export function certify(
  { manifest, manifestSha256 }: Artifact,
  trials: readonly Trial[],
  failure: Failure | null,
  { runtime, movements }: Circumstances,
): Certificate {
  const outputs = manifest.outputs.map((output, index) =>
    verdict(output, trialsOf(trials, index, movements), precisionOf(manifest)),
  );
  return {
    certificate_version: certificateVersion,
    manifest_sha256: manifestSha256,
    compiler: { name: "timmc", version },
    runtime,
    passed: failure === null && outputs.every((o) => o.passed),
    inputs: trials.map(({ input, reference }) => ({ name: input.name, shape: input.tensor.shape, reference })),
    outputs,
    failure,
  };
}

/** The problem of the outputs of an artifact whose manifest failed already. */
const notRun = "not run";

type OutputTrial = Measurement & {
  readonly input: string;
  /** In budgets, where it was measured. */
  readonly moved: number | null;
  readonly isExcused: boolean;
};

const trialsOf = (trials: readonly Trial[], index: number, movements: Movements): OutputTrial[] =>
  trials.flatMap((t) =>
    t.measurements.slice(index, index + 1).map((m) => ({
      ...m,
      input: t.input.name,
      moved: movements.get(t.input)?.get(m.name) ?? null,
      isExcused: excuseOf(movements, t)(m),
    })),
  );

/** How far an output moves that fails, and for no other reason; null for every other output. */
function movedOf(trials: readonly OutputTrial[]): number | null {
  const failed = trials.filter((t) => !passes(t));
  if (failed.length === 0 || !failed.every((t) => t.isExcused)) return null;
  return Math.max(...failed.map((t) => t.moved ?? 0));
}

const roundingText = (moved: number): string =>
  `decided by rounding: changing the last bit of the input moves it by ${budgetsText(moved)}; nothing can be said about it`;

const budgetsText = (n: number): string =>
  !Number.isFinite(n) ? "no finite number of budgets" : `${n < 1000 ? n.toPrecision(3) : n.toExponential(1)} budgets`;

function verdict({ name, dtype }: ManifestOutput, trials: readonly OutputTrial[], precision: Precision): OutputVerdict {
  const [worst] = trials.toSorted((a, b) => rank(b) - rank(a));
  const problem = trials.length === 0 ? notRun : (trials.find((t) => t.problem !== null)?.problem ?? null);
  const moved = movedOf(trials);
  const finite = (n: number): number | null => (Number.isFinite(n) ? n : null);
  const largest = (of: (t: OutputTrial) => number): number | null =>
    problem === null ? finite(Math.max(0, ...trials.map(of).filter((v) => !Number.isNaN(v)))) : null;
  return {
    name,
    dtype,
    max_abs_error: largest((t) => t.error),
    error_of_std: largest((t) => t.ofStd),
    budget_used: largest((t) => t.used),
    budget_moved: moved === null ? null : finite(moved),
    budget: budgetOf(dtype, precision),
    worst_input: worst?.input ?? "",
    passed: trials.length > 0 && trials.every(passes),
    problem: problem ?? (moved === null ? null : roundingText(moved)),
  };
}

/** What is not a number is worse than any number. */
const rank = ({ used }: Measurement): number => (Number.isNaN(used) ? Infinity : used);
