import { didYouMean, nearNames, quote } from "../frontend/suggest.ts";
import { TimmcError } from "../ir/error.ts";
import type { Pass, Pipeline } from "../passes/pass.ts";
import { type OptimizationLevel, presets } from "../passes/presets.ts";
import type { FormRequest } from "./forms.ts";
import { targetOf } from "./target/targets.ts";

export const defaultLevel = "O2" satisfies OptimizationLevel;

const levelPipeline = (level: OptimizationLevel, forms: FormRequest): Pipeline => [
  ...presets[level],
  ...targetOf(forms).passes(forms)[level],
];

/** Every pass that some level runs, by its name; the highest level's, where levels differ. */
const passesByName = (forms: FormRequest): ReadonlyMap<string, Pass> =>
  new Map(
    (["O0", "O1", "O2"] as const).flatMap((level) => levelPipeline(level, forms).map((pass) => [pass.name, pass])),
  );

/**
 * The passes between lowering and emission: those of the level, or those that were asked for by name, in that order. Which
 * passes there are depends on the target, and on the forms that the artifact may have. What changes the precision comes last in
 * either case, since a calibration is of the graph before. Throws `usage` for a name that is none.
 */
export function pipelineOf(
  level: OptimizationLevel,
  asked: readonly string[] | null = null,
  forms: FormRequest = {},
): Pipeline {
  const precision = targetOf(forms).precision(forms);
  if (asked === null) return [...levelPipeline(level, forms), ...precision];
  const known = passesByName(forms);
  const chosen = asked.map((name) => {
    const pass = known.get(name);
    if (pass !== undefined) return pass;
    refuseForOtherForms(name, forms);
    const near = didYouMean(nearNames(name, known.keys()));
    const all = `The passes are ${[...known.keys()].join(", ")}.`;
    throw new TimmcError("usage", `timmc has no pass ${quote(name)}`, {
      hint: near === undefined ? all : `${near} ${all}`,
    });
  });
  return [...chosen, ...precision];
}

/** Refuses a pass that is one of other forms or of another target only, and says of which. */
function refuseForOtherForms(name: string, forms: FormRequest): void {
  const { others, described } = targetOf(forms).forms(forms);
  const [needed] = others.filter(([, other]) => passesByName(other).has(name)).map(([option]) => option);
  if (needed === undefined) return;
  throw new TimmcError("usage", `the pass ${quote(name)} is none of ${described}`, {
    hint: `It comes with ${needed}.`,
  });
}

/** How a user asks for a pipeline, for messages. */
export const pipelineName = (level: OptimizationLevel, asked: readonly string[] | null = null): string =>
  asked === null ? `-${level}` : `--passes ${asked.join(",") || "none"}`;

/** How many passes run until the last run of one. Throws `usage` where the pipeline has none of that name. */
export function positionAfter(pipeline: Pipeline, name: string, owner: string): number {
  const names = pipeline.map((pass) => pass.name);
  const last = names.lastIndexOf(name);
  if (last >= 0) return last + 1;
  const own = new Set(names);
  const all = own.size === 0 ? "It has no passes." : `Its passes are ${[...own].join(", ")}.`;
  throw new TimmcError("usage", `${owner} has no pass ${quote(name)}`, {
    hint: didYouMean(nearNames(name, own)) ?? all,
  });
}
