import { createArgs, type ResolvedModel } from "../frontend/resolve.ts";
import { publicArgs } from "../zoo/schema.ts";

/** One argument that a model takes, by timm's keyword. */
export interface FamilyArgument {
  readonly name: string;
  /** For people: `integer >= 1`. */
  readonly type: string;
  /** The value that this model has; null where nothing is given. */
  readonly value: unknown;
  readonly doc: string;
  /** Whether timm takes it without any effect on inference. */
  readonly inert: boolean;
}

/** What `--arg` takes for this model, and the values that it has. Throws where the arguments contradict each other. */
export function familyArguments({
  family,
  architecture,
  args,
  featuresOnly,
  outIndices,
}: ResolvedModel): FamilyArgument[] {
  const values: Readonly<Record<string, unknown>> = {
    ...family.configure(architecture, args),
    features_only: featuresOnly,
    out_indices: outIndices,
  };
  return publicArgs({ ...family.args, ...createArgs }).map(([name, { type, doc, inert }]) => ({
    name,
    type,
    value: values[name] ?? null,
    doc,
    inert,
  }));
}
