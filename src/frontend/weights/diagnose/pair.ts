import { sameShape } from "../../../ir/dim.ts";
import type { Group } from "./groups.ts";
import { leadOf, leadRole } from "./modules.ts";
import { type Relation, relateShapes, relationOf } from "./relation.ts";
import { type Role, similarity } from "./words.ts";

/** A group of a model's modules and a group of a file's that may be the same, in the order of their members. */
export interface Pair {
  readonly model: Group;
  readonly file: Group;
  readonly relation: Relation;
  /** How alike the names are: at most 1, less where a relation or missing tensors speak against the pair. */
  readonly score: number;
  /** How special the two groups are. */
  readonly depth: number;
}

const penalty = { transposed: 0.3, reshaped: 0.05, "as it is": 0 } as const satisfies Record<Relation, number>;

/** Undefined where shapes or numbers contradict. The groups have one signature. */
export function pairOf(model: Group, file: Group): Pair | undefined {
  if (model.isPacked && file.isPacked) return undefined;
  const relation = relationOf(model, file);
  if (relation === undefined || !isFunctional(model, file)) return undefined;
  const unmatched = unmatchedRoles(model, file);
  if (unmatched === undefined) return undefined;
  const likeness = similarity(model.words, file.words);
  const against = (relation === "transposed" && hasKernels(file) ? 0 : penalty[relation]) + 0.1 * unmatched;
  return { model, file, relation, score: likeness - against, depth: model.depth + file.depth };
}

const hasKernels = ({ members }: Group): boolean =>
  members.some(({ module }) => leadOf(module)?.names.some((name) => name.endsWith("kernel")) === true);

/**
 * How many of the other roles one side alone has; undefined where the two have tensors of different shapes in one role.
 * A role is looked at in all members.
 */
function unmatchedRoles(model: Group, file: Group): number | undefined {
  const unmatched = new Set<Role>();
  for (const [i, { module }] of model.members.entries()) {
    const other = file.members[i]?.module;
    if (other === undefined) return undefined;
    const [lead, otherLead] = [leadOf(module), leadOf(other)];
    for (const role of new Set([...module.tensors.keys(), ...other.tensors.keys()])) {
      const [wanted, found] = [module.tensors.get(role), other.tensors.get(role)];
      if (wanted === undefined || found === undefined) {
        if ((wanted ?? lead) !== lead || (found ?? otherLead) !== otherLead) unmatched.add(role);
      } else if (wanted !== lead && !sameShape(wanted.shape, found.shape)) {
        if (relateShapes(wanted.shape, found.shape) !== "reshaped") return undefined;
      }
    }
  }
  return unmatched.size;
}

/** Whether each running number of the model follows from that of the file at its place, and rises with it. */
function isFunctional(model: Group, file: Group): boolean {
  const places = model.members[0]?.numbers.length ?? 0;
  if (places !== (file.members[0]?.numbers.length ?? 0)) return true;
  for (let place = 0; place < places; place++) {
    const map = new Map<number, number>();
    for (const [i, { numbers }] of model.members.entries()) {
      const [from = 0, to = 0] = [file.members[i]?.numbers[place], numbers[place]];
      if ((map.get(from) ?? to) !== to) return false;
      map.set(from, to);
    }
    const sorted = [...map].sort(([a], [b]) => a - b).map(([, to]) => to);
    if (sorted.some((to, i) => i > 0 && to <= (sorted[i - 1] ?? to))) return false;
  }
  return true;
}

/** Roles that both sides have in some member, the model's with the file's: the leading tensors may differ in it. */
export function rolesOf({ model, file }: Pair): ReadonlyMap<Role, Role> {
  const roles = new Map<Role, Role>();
  for (const [i, { module }] of model.members.entries()) {
    const other = file.members[i]?.module;
    if (other === undefined) continue;
    for (const role of module.tensors.keys()) {
      const same = other.tensors.has(role) ? role : undefined;
      const own = role === leadRole(module) ? leadRole(other) : same;
      if (own !== undefined && !roles.has(role)) roles.set(role, own);
    }
  }
  return roles;
}

/** Every name that a pair takes, of both sides; the two sides' are kept apart. */
export const namesOf = ({ model, file }: Pair): string[] => [
  ...model.members.flatMap(({ module }) => [...module.tensors.values()].flatMap((t) => t.names.map((n) => `m:${n}`))),
  ...file.members.flatMap(({ module }) => [...module.tensors.values()].flatMap((t) => t.names.map((n) => `f:${n}`))),
];
