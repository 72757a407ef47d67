import { type Forms, defaultForms } from "../backends/onnx/forms.ts";
import { supportedOpsets } from "../backends/onnx/model.ts";
import { onnxPasses } from "../backends/onnx/passes.ts";
import { didYouMean, nearNames, quote } from "../frontend/suggest.ts";
import { TimmcError } from "../ir/error.ts";
import type { Pass, Pipeline } from "../passes/pass.ts";
import { type OptimizationLevel, presets } from "../passes/presets.ts";

export const defaultLevel = "O2" satisfies OptimizationLevel;

const levelPipeline = (level: OptimizationLevel, forms: Forms): Pipeline => [
  ...presets[level],
  ...onnxPasses(forms)[level],
];

/** Every pass that some level runs, by its name; the highest level's, where levels differ. */
const passesByName = (forms: Forms): ReadonlyMap<string, Pass> =>
  new Map(
    (["O0", "O1", "O2"] as const).flatMap((level) => levelPipeline(level, forms).map((pass) => [pass.name, pass])),
  );

/**
 * The passes between lowering and emission: those of the level, or those that were asked for by name, in that order. Which
 * passes there are depends on the forms that the artifact may have. Throws `usage` for a name that is none.
 */
export function pipelineOf(
  level: OptimizationLevel,
  asked: readonly string[] | null = null,
  forms: Forms = defaultForms,
): Pipeline {
  if (asked === null) return levelPipeline(level, forms);
  const known = passesByName(forms);
  return asked.map((name) => {
    const pass = known.get(name);
    if (pass !== undefined) return pass;
    refuseForOtherForms(name, forms);
    const near = didYouMean(nearNames(name, known.keys()));
    const all = `The passes are ${[...known.keys()].join(", ")}.`;
    throw new TimmcError("usage", `timmc has no pass ${quote(name)}`, {
      hint: near === undefined ? all : `${near} ${all}`,
    });
  });
}

/** Refuses a pass that is one of other forms only, and says of which. */
function refuseForOtherForms(name: string, forms: Forms): void {
  const latest = supportedOpsets.at(-1) ?? forms.opset;
  const others = [
    [`--opset ${latest}`, { ...forms, opset: latest }],
    ["--onnx-ops ort", { ...forms, ops: "ort" }],
  ] as const;
  const [needed] = others.filter(([, other]) => passesByName(other).has(name)).map(([option]) => option);
  if (needed === undefined) return;
  throw new TimmcError("usage", `the pass ${quote(name)} is none of opset ${forms.opset} and ${forms.ops} operators`, {
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
