import { sameShape } from "../../../ir/dim.ts";
import { type Named, maxNameLength } from "./entry.ts";
import { type Role, splitRole } from "./words.ts";

/** Tensors that belong together under one name: a weight, its bias, its statistics. */
export interface Module {
  readonly name: string;
  readonly tensors: ReadonlyMap<Role, ModuleTensor>;
}

interface ModuleTensor {
  /** Three of them where a query, a key and a value are taken as one. */
  readonly names: readonly string[];
  /** What follows the module's name in its own: `.weight`. */
  readonly suffix: string;
  readonly shape: readonly number[];
}

/** Modules of one side that are compared; each is looked at in up to 2^4 generalisations. */
const maxModules = 4000;

interface Modules {
  readonly list: readonly Module[];
  /** Entries that were passed over since there are too many. */
  readonly passedOver: number;
}

/** The modules of names, in their order, with those of queries, keys and values besides as one. */
export function modulesOf(entries: readonly Named[]): Modules {
  const byName = new Map<string, Map<Role, ModuleTensor>>();
  let passedOver = 0;
  const add = (module: string, role: Role, entry: Named): void => {
    const tensors = byName.get(module) ?? new Map<Role, ModuleTensor>();
    tensors.set(role, { names: [entry.name], suffix: entry.name.slice(module.length), shape: entry.shape });
    byName.set(module, tensors);
  };
  for (const entry of entries) {
    const split = splitRole(entry.name);
    if (split === undefined) continue;
    if (entry.name.length > maxNameLength || (byName.size >= maxModules && !byName.has(split.module))) passedOver++;
    else if (byName.get(split.module)?.has(split.role) === true) add(entry.name, "tensor", entry);
    else add(split.module, split.role, entry);
  }
  const list = [...byName].map(([name, tensors]) => ({ name, tensors }));
  return { list: [...list, ...packed(list)], passedOver };
}

const thirds: readonly (readonly [string, string, string])[] = [
  ["q", "k", "v"],
  ["query", "key", "value"],
  ["queries", "keys", "values"],
  ["wq", "wk", "wv"],
];

/** Every query with its key and its value, as the one projection that most code bases make of them. */
function packed(list: readonly Module[]): Module[] {
  const byName = new Map(list.map((m) => [m.name, m]));
  return list.flatMap((module) => {
    for (const [q, k, v] of thirds) {
      const pattern = new RegExp(`(^|[._/])${q}(?=$|[._/])`);
      if (!pattern.test(module.name)) continue;
      const others = [k, v].map((word) => byName.get(module.name.replace(pattern, `$1${word}`)));
      const tensors = stacked([module, ...others]);
      if (tensors.size > 0) return [{ name: module.name.replace(pattern, `$1{${q},${k},${v}}`), tensors }];
    }
    return [];
  });
}

/** Roles that all three have in one shape, one behind the other along the first axis. */
function stacked(parts: readonly (Module | undefined)[]): Map<Role, ModuleTensor> {
  const result = new Map<Role, ModuleTensor>();
  for (const [role, { shape, suffix }] of parts[0]?.tensors ?? []) {
    const tensors = parts.map((m) => m?.tensors.get(role));
    const [rows, ...rest] = shape;
    if (rows === undefined || !tensors.every((t) => t !== undefined && sameShape(t.shape, shape))) continue;
    result.set(role, { names: tensors.flatMap((t) => t?.names ?? []), suffix, shape: [3 * rows, ...rest] });
  }
  return result;
}

/** Whether a module is a query, a key and a value taken as one. */
export const isPacked = ({ tensors }: Module): boolean => [...tensors.values()].some((t) => t.names.length > 1);

/** The role by which modules are compared first. */
const leading: readonly Role[] = ["weight", "tensor", "bias", "mean", "var"];

export const leadRole = ({ tensors }: Module): Role | undefined => leading.find((role) => tensors.has(role));

export const leadOf = (module: Module): ModuleTensor | undefined => {
  const role = leadRole(module);
  return role === undefined ? undefined : module.tensors.get(role);
};
