/**
 * The groups of parameters by depth, as timm's group_matcher states them: for freezing the first layers, or for learning
 * rates that decay from the last.
 */
export interface GroupRule {
  readonly group: "stem" | "blocks";
  /** Matches the beginning of a name; its groups are the numbers of stage and block. */
  readonly match: RegExp;
  /** `first` comes before the numbered blocks of the stage, `last` belongs to the group before it; a number is a block's. */
  readonly place?: "first" | "last" | number;
  /** Added to the number of the block, where a second list of blocks continues the first. */
  readonly add?: number;
}

/** The same expression, at the beginning of a text alone. */
const atBeginning = ({ source }: RegExp): RegExp => new RegExp(`^(?:${source})`);

export const stemGroup = (match: RegExp): GroupRule => ({ group: "stem", match: atBeginning(match) });
export const blockGroup = (match: RegExp, place?: GroupRule["place"]): GroupRule => ({
  group: "blocks",
  match: atBeginning(match),
  ...(place === undefined ? {} : { place }),
});

/** Blocks of a further list, whose first one has the place of number `add` in the first list. */
export const laterBlockGroup = (match: RegExp, add: number): GroupRule => ({
  group: "blocks",
  match: atBeginning(match),
  add,
});

/** Where a parameter belongs: `stem`, `blocks`, or `head` for what no rule names. */
export type GroupKind = GroupRule["group"] | "head";

interface ParameterGroup<P> {
  /** From the input's side, from 0: timm's layer id. */
  readonly index: number;
  readonly kinds: readonly GroupKind[];
  readonly parameters: readonly P[];
}

/** timm's MATCH_PREV_GROUP: sorts behind every block, and opens no group of its own. */
const behindAll = 99_999;
const kinds = ["stem", "blocks"] as const;

function suffixOf(place: GroupRule["place"]): readonly number[] {
  if (place === undefined) return [];
  return [place === "first" ? 0 : place === "last" ? behindAll : place];
}

/** The order of a name: numbers that are compared one after the other. */
function orderOf(
  name: string,
  rules: readonly GroupRule[],
): { readonly key: readonly number[]; readonly kind: GroupKind } {
  for (const { group, match, place, add = 0 } of rules) {
    const found = match.exec(name);
    if (found === null) continue;
    const numbers = found.slice(1).map((n) => Number(n) + add);
    return { key: [kinds.indexOf(group), ...numbers, ...suffixOf(place)], kind: group };
  }
  return { key: [Number.POSITIVE_INFINITY], kind: "head" };
}

const compare = (a: readonly number[], b: readonly number[]): number => {
  const at = a.findIndex((x, i) => x !== b[i]);
  return at < 0 ? a.length - b.length : at >= b.length ? 1 : (a[at] ?? 0) - (b[at] ?? 0);
};

/** Parameters in groups from the input's side; their order within a group is the given one (timm's group_with_matcher). */
export function groupParameters<P extends { readonly name: string }>(
  parameters: readonly P[],
  rules: readonly GroupRule[],
): ParameterGroup<P>[] {
  const byKey = new Map<string, { key: readonly number[]; kind: GroupKind; parameters: P[] }>();
  for (const parameter of parameters) {
    const { key, kind } = orderOf(parameter.name, rules);
    const known = byKey.get(key.join());
    if (known === undefined) byKey.set(key.join(), { key, kind, parameters: [parameter] });
    else known.parameters.push(parameter);
  }
  const groups: { kinds: GroupKind[]; parameters: P[] }[] = [];
  for (const { key, kind, parameters: own } of [...byKey.values()].sort((a, b) => compare(a.key, b.key))) {
    const last = groups.at(-1);
    if (last === undefined || key.at(-1) !== behindAll) groups.push({ kinds: [kind], parameters: [...own] });
    else {
      last.parameters.push(...own);
      if (!last.kinds.includes(kind)) last.kinds.push(kind);
    }
  }
  return groups.map((group, index) => ({ index, ...group }));
}
