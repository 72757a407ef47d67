import type { Group } from "./groups.ts";
import { leadRole } from "./modules.ts";
import { type Pair, rolesOf } from "./pair.ts";
import type { Relation } from "./relation.ts";
import type { Role } from "./words.ts";

/** `encoder.layer.{N}.attention.output.dense.weight -> blocks.{N}.attn.proj.weight`. */
export interface Template {
  /** The file's names. `{q,k,v}` stands for three entries. */
  readonly from: string;
  /** The model's names. */
  readonly to: string;
  readonly relation: Relation;
  /** Whether a query, a key and a value become one, or come of one. */
  readonly packing: "merge" | "split" | null;
  /** Parameters that it finds. */
  readonly matched: number;
  /**
   * `high`: names and shapes agree. `medium`: the names have something in common, or a whole sequence of shapes is found
   * nowhere else. `low`: a shape alone.
   */
  readonly confidence: "high" | "medium" | "low";
  /** Where the numbers of the two do not differ by a constant. */
  readonly numbers: string | null;
  /** Every pair: the file's entries, and the parameters. */
  readonly pairs: readonly { readonly from: readonly string[]; readonly to: readonly string[] }[];
}

const letters = ["N", "M", "K", "L"];

/** One template per role that both sides have. */
export function templatesOf(pair: Pair): Template[] {
  const { model, file, relation, score } = pair;
  const places = placesOf(pair);
  return [...rolesOf(pair)].map(([role, fileRole], i): Template => {
    const pairs = model.members.flatMap(({ module }, m) => {
      const [to, from] = [module.tensors.get(role), file.members[m]?.module.tensors.get(fileRole)];
      return to === undefined || from === undefined ? [] : [{ from: from.names, to: to.names }];
    });
    return {
      from: spelled(file, fileRole, places?.file ?? ranges(file)),
      to: spelled(model, role, places?.model ?? ranges(model)),
      relation: i === 0 ? relation : "as it is",
      packing: file.isPacked ? "merge" : model.isPacked ? "split" : null,
      matched: pairs.length,
      confidence: score >= 0.5 ? "high" : score >= 0.3 || pairs.length > 3 ? "medium" : "low",
      numbers: places?.note ?? null,
      pairs,
    };
  });
}

/** The names of a group, for people. */
export function groupTemplate(group: Group): string {
  const [first] = group.members;
  return spelled(group, (first && leadRole(first.module)) ?? "tensor", ranges(group));
}

/** `{0..11}` for each running number. */
function ranges({ members, fixed }: Group): string[] {
  const count = fixed.filter((n) => n === undefined).length;
  return Array.from({ length: count }, (_, place) => {
    const values = [...new Set(members.map((m) => m.numbers[place] ?? 0))].sort((a, b) => a - b);
    return `{${rangeText(values)}}`;
  });
}

/** More numbers than this are not listed one by one. */
const maxListed = 6;

/** Ascending numbers in short: `0..11`, `1,3,5`, or `1,3,..,99`. */
export function rangeText(values: readonly number[]): string {
  const [first = 0, second = first, last = first] = [values[0], values[1], values.at(-1)];
  if (values.length > 2 && last - first === values.length - 1) return `${first}..${last}`;
  return values.length > maxListed ? `${first},${second},..,${last}` : values.join(",");
}

interface Places {
  readonly file: readonly string[];
  readonly model: readonly string[];
  readonly note: string | null;
}

/** A letter per running number, where both sides have equally many; the model's with what is added to the file's. */
function placesOf({ model, file }: Pair): Places | undefined {
  const count = model.members[0]?.numbers.length ?? 0;
  if (count !== (file.members[0]?.numbers.length ?? 0)) return undefined;
  const notes: string[] = [];
  const places = letters.slice(0, count).map((letter, place) => {
    const steps = model.members.map(({ numbers }, i) => {
      const [from = 0, to = 0] = [file.members[i]?.numbers[place], numbers[place]];
      return { from, to };
    });
    const offsets = new Set(steps.map(({ from, to }) => to - from));
    const [offset = 0] = offsets;
    if (offsets.size === 1) return offset === 0 ? letter : `${letter}${offset > 0 ? "+" : ""}${offset}`;
    const [from, to] = [new Set(steps.map((s) => s.from)), new Set(steps.map((s) => s.to))];
    notes.push(`${letter} ${[...from].join(",")} to ${letter}' ${[...to].join(",")}`);
    return `${letter}'`;
  });
  return {
    file: letters.slice(0, count).map((letter) => `{${letter}}`),
    model: places.map((place) => `{${place}}`),
    note: notes.length === 0 ? null : notes.join("; "),
  };
}

/** The name of a role's tensor, with `places` where numbers run. */
function spelled({ texts, fixed, members }: Group, role: Role, places: readonly string[]): string {
  let place = 0;
  const name = texts.map((text, i) => `${text}${i < fixed.length ? (fixed[i] ?? places[place++] ?? "") : ""}`).join("");
  const owner = members.find(({ module }) => module.tensors.has(role));
  return `${name}${owner?.module.tensors.get(role)?.suffix ?? ""}`;
}
