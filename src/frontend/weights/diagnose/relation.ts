import { sameShape } from "../../../ir/dim.ts";
import { elements } from "./entry.ts";
import type { Group, Member } from "./groups.ts";
import { leadOf } from "./modules.ts";
import { isKernel } from "./words.ts";

/** What makes the tensors of a file those of a model, apart from their names. */
export type Relation = "as it is" | "reshaped" | "transposed";

/** How the leading tensors of two groups of one signature become each other, for all members alike. */
export function relationOf(model: Group, file: Group): Relation | undefined {
  const relations = new Set(model.members.map((m, i) => relationOfMembers(m, file.members[i])));
  if (relations.has(undefined)) return undefined;
  const all = [...relations].filter((r) => r !== undefined);
  if (all.includes("transposed") && all.includes("as it is")) return undefined;
  return all.find((r) => r !== "as it is") ?? "as it is";
}

function relationOfMembers({ module: model }: Member, file: Member | undefined): Relation | undefined {
  const [wanted, found] = [leadOf(model), file && leadOf(file.module)];
  if (wanted === undefined || found === undefined) return undefined;
  const kernel = found.names.some(isKernel);
  return relateShapes(wanted.shape, found.shape, kernel);
}

const withoutOnes = (shape: readonly number[]): number[] => shape.filter((d) => d !== 1);

/** `kernel`: the file has the axes of Flax and TensorFlow, inputs before outputs. */
export function relateShapes(
  wanted: readonly number[],
  found: readonly number[],
  kernel = false,
): Relation | undefined {
  const turned = isTurned(wanted, found);
  if (kernel && found.length > 1) return turned ? "transposed" : undefined;
  if (sameShape(wanted, found)) return "as it is";
  if (sameShape(withoutOnes(wanted), withoutOnes(found))) return "reshaped";
  if (turned) return "transposed";
  const flat = Math.min(wanted.length, found.length) === 2 && Math.max(wanted.length, found.length) === 4;
  return flat && wanted[0] === found[0] && elements(wanted) === elements(found) ? "reshaped" : undefined;
}

/** A matrix [in, out] for [out, in], or a kernel [h, w, in, out] for [out, in, h, w]. */
function isTurned(wanted: readonly number[], found: readonly number[]): boolean {
  if (wanted.length === 2) return sameShape(wanted, found.toReversed());
  const [h, w, i, o] = found;
  return found.length === 4 && sameShape(wanted, [o ?? 0, i ?? 0, h ?? 0, w ?? 0]);
}
