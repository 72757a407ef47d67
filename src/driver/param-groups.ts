import { count } from "../ir/type.ts";
import { type GroupKind, groupParameters } from "../zoo/groups.ts";
import type { LoweredRequest } from "./lower-request.ts";

/** One group of parameters by depth. */
export interface ParamGroup {
  /** From the input's side, from 0: timm's layer id. */
  readonly index: number;
  readonly kinds: readonly GroupKind[];
  /** The modules that are whole in it, and single parameters. */
  readonly modules: readonly string[];
  readonly parameters: readonly string[];
  /** Elements. */
  readonly params: number;
}

export interface ParamGroups {
  /** A group per stage. */
  readonly coarse: readonly ParamGroup[];
  /** A group per block. */
  readonly fine: readonly ParamGroup[];
}

/** The parameters of a network in timm's groups (group_matcher), which freezing and layer-wise learning rates go by. */
export function paramGroups({ lowered, resolved }: LoweredRequest): ParamGroups {
  const { family, architecture, args } = resolved;
  const parameters = lowered.parameters.filter((p) => p.kind === "parameter");
  const groupsOf = (coarse: boolean): ParamGroup[] =>
    groupParameters(parameters, family.groups(architecture, args, coarse)).map(({ index, kinds, parameters: own }) => ({
      index,
      kinds,
      modules: wholeModules(
        own.map((p) => p.name),
        parameters.map((p) => p.name),
      ),
      parameters: own.map((p) => p.name),
      params: own.reduce((n, p) => n + count(p.shape), 0),
    }));
  return { coarse: groupsOf(true), fine: groupsOf(false) };
}

/** The shortest paths that together cover `own` and no other of `all`. */
function wholeModules(own: readonly string[], all: readonly string[]): string[] {
  const mine = new Set(own);
  const others = prefixes(all.filter((name) => !mine.has(name)));
  const shortest = (name: string): string => {
    const parts = name.split(".");
    const at = parts.findIndex((_, i) => !others.has(parts.slice(0, i + 1).join(".")));
    return parts.slice(0, at + 1).join(".");
  };
  return [...new Set(own.map(shortest))];
}

const prefixes = (names: readonly string[]): ReadonlySet<string> =>
  new Set(
    names.flatMap((name) => {
      const parts = name.split(".");
      return parts.map((_, i) => parts.slice(0, i + 1).join("."));
    }),
  );
