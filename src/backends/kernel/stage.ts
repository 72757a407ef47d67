import { evaluate, indexAt, storesAt } from "./evaluate.ts";
import {
  type Buffer,
  type Expr,
  type Lanes,
  binary,
  childrenOf,
  compare,
  indexValue,
  literal,
  load,
  select,
} from "./expr.ts";
import {
  type Index,
  type Variable,
  add,
  coefficientOf,
  constant,
  div,
  indexOf,
  isMultiple,
  mod,
  scale,
  variable,
} from "./index-expr.ts";
import { type Place, type Point, inside } from "./place.ts";
import { type Schedule, planOf, tileOf } from "./schedule.ts";
import type { Statement } from "./thread.ts";

/**
 * A factor of a sum that comes through workgroup memory: a tile of it, over those of its axes that have one, is copied by all
 * threads together and then read from there.
 */
export interface Staged {
  readonly factor: Expr;
  /** From the one with the longest stride to the innermost one. */
  readonly axes: readonly Axis[];
  readonly buffer: Buffer;
  /** Elements of one tile; the buffer has one after the other. */
  readonly length: number;
}

interface Axis {
  readonly axis: Variable;
  readonly tile: number;
  readonly stride: number;
}

/** Rows of a tile begin this many bytes further than they would, so that threads of several rows meet in no bank. */
const padding = 16;

interface Wanted {
  readonly name: string;
  readonly storage: Buffer["storage"];
  /** The axis whose elements lie next to each other; default the one along which the factor is read. */
  readonly inner?: Variable;
  readonly tiles: number;
}

/** Lays out the tile of a factor over axes. */
export function stage(factor: Expr, over: readonly Variable[], schedule: Schedule, wanted: Wanted): Staged {
  const tiled = over.filter((a) => factor.free.has(a.name) && tileOf(planOf(schedule, a)) > 1);
  const inner = wanted.inner ?? tiled.find((axis) => isContiguous(factor, axis)) ?? tiled.at(-1);
  const ordered = [...tiled.filter((a) => a !== inner), ...(inner === undefined ? [] : [inner])];
  const axes: Axis[] = [];
  let stride = 1;
  for (const axis of ordered.toReversed()) {
    const tile = tileOf(planOf(schedule, axis));
    axes.unshift({ axis, tile, stride });
    const pad = axis === inner && ordered.length > 1 ? padding / (wanted.storage === "f16" ? 2 : 4) : 0;
    stride = stride * tile + pad;
  }
  const length = Math.ceil(stride / 8) * 8;
  const { name, storage, tiles } = wanted;
  return { factor, axes, length, buffer: { name, space: "workgroup", storage, length: length * tiles } };
}

/** Whether a factor can be copied ahead: it reads memory and no registers. */
export const isStageable = (x: Expr): boolean =>
  x.kind !== "local" && x.kind !== "reduce" && childrenOf(x).every(isStageable);

/** Whether elements of some load lie next to each other along an axis. */
export const isContiguous = (x: Expr, axis: Variable): boolean =>
  (x.kind === "load" && coefficientOf(x.index, axis.name) === 1) ||
  childrenOf(x).some((child) => isContiguous(child, axis));

interface Copying {
  readonly workgroup: number;
  readonly thread: Index;
  /** Where the tile begins along each axis of the factor. */
  readonly places: ReadonlyMap<string, Place>;
  readonly slot: Index;
  /** Whether copies may be on their way until a `wait`. */
  readonly behind: boolean;
  fresh(): string;
}

/** The statements by which this thread does its share of copying a tile. */
export function copyTile(staged: Staged, c: Copying): Statement[] {
  const along = widthOf(staged, c.places);
  const groups = staged.axes.reduce((n, { tile }) => n * tile, 1) / along.lanes;
  const out: Statement[] = [];
  for (let from = 0; from < groups; from += c.workgroup) {
    const at = add(constant(from), c.thread);
    if (from + c.workgroup <= groups) {
      out.push(...copyGroup(staged, c, at, along));
      continue;
    }
    const group = variable(c.fresh(), groups);
    const condition = compare("lt", indexValue(at), literal(groups, "i32"));
    const body = copyGroup(staged, c, indexOf(group), along);
    out.push({ kind: "if", condition, body: [{ kind: "index", variable: group, value: indexValue(at) }, ...body] });
  }
  return out;
}

/** How many elements are copied at once, along which axis, and whether as words of halves. */
interface Along {
  readonly lanes: number;
  readonly axis: Variable | undefined;
  readonly words: boolean;
}

/** As many at once as lie next to each other, up to 16 bytes. */
function widthOf({ factor, axes, buffer }: Staged, places: ReadonlyMap<string, Place>): Along {
  const found = axes.find(({ axis }) => isContiguous(factor, axis));
  if (found === undefined) return { lanes: 1, axis: undefined, words: false };
  const { axis, tile } = found;
  const origin = places.get(axis.name)?.origin ?? constant(0);
  const fits = (n: number): boolean => tile % n === 0 && axis.extent % n === 0 && isMultiple(origin, n);
  const inWords = factor.kind === "load" && factor.buffer.storage === "f16" && buffer.storage === "f16";
  const wide =
    inWords && axes.at(-1) === found ? [8, 4, 2].find((n) => fits(n) && isAligned(factor, axis, n)) : undefined;
  if (wide !== undefined) return { lanes: wide, axis, words: true };
  return { lanes: [4, 2].find(fits) ?? 1, axis, words: false };
}

/** Whether a load along an axis is of groups of n elements that begin at multiples of n. */
function isAligned(x: Extract<Expr, { kind: "load" }>, axis: Variable, n: number): boolean {
  if (x.mask?.free.has(axis.name) === true) return false;
  const others = x.index.terms.filter(({ atom }) => atom.kind !== "variable" || atom.variable.name !== axis.name);
  return x.index.constant % n === 0 && others.every((t) => t.coefficient % n === 0);
}

/** Copies the group of elements that one thread moves at once. */
function copyGroup(staged: Staged, { places: tile, slot, behind }: Copying, group: Index, along: Along): Statement[] {
  const { factor, buffer } = staged;
  const places = placesOf(staged, tile, group, along);
  const here = { places, held: () => literal(0) };
  const there = { places: new Map([...places].map(([name, p]) => [name, { ...p, base: p.local }])), held: here.held };
  const point: Point = new Map(
    along.axis === undefined || along.lanes === 1 ? [] : [[along.axis.name, { register: 0, lane: "all" as const }]],
  );
  const present = inside(
    [...places.values()].filter((p) => factor.free.has(p.axis.name)),
    point,
  );
  const to = tileIndex(staged, slot);
  const store = (index: Index, value: Expr): Statement => ({
    kind: "store",
    buffer,
    index,
    value,
    ...(behind && isCopy(value, buffer) ? { behind: true as const } : {}),
  });
  if (along.words && factor.kind === "load") {
    const first = new Map([...point.keys()].map((name) => [name, { register: 0, lane: 0 }]));
    const mask = binary("and", factor.mask === undefined ? present : evaluate(factor.mask, first, here), present);
    const words = load(factor.buffer, indexAt(factor.index, first, here), mask, (along.lanes / 2) as Lanes, "f16x2");
    return [store(indexAt(to, first, there), words)];
  }
  const value = select(present, evaluate(factor, point, here), literal(0));
  return storesAt(to, value, point, there).map((s) => store(s.index, s.value));
}

/** Whether a value's bytes can be moved as they are, past the registers. */
const isCopy = (value: Expr, to: Buffer): boolean =>
  value.kind === "load" && value.buffer.storage === to.storage && bytesOf(value) >= 4;

const bytesOf = ({ buffer, lanes, dtype }: Extract<Expr, { kind: "load" }>): number =>
  lanes * (buffer.storage === "f16" && dtype !== "f16x2" ? 2 : 4);

/** Where a group of elements is, within the tile and in the tensor. */
function placesOf(
  { axes }: Staged,
  tile: ReadonlyMap<string, Place>,
  group: Index,
  along: Along,
): ReadonlyMap<string, Place> {
  const local = new Map<string, Index>();
  let rest = group;
  // The axis that is contiguous in memory goes fastest, so that neighbouring threads read neighbouring elements.
  const order = axes.toSorted((a, b) => Number(a.axis === along.axis) - Number(b.axis === along.axis));
  for (const { axis, tile: extent } of order.toReversed()) {
    const lanes = axis === along.axis ? along.lanes : 1;
    local.set(axis.name, scale(mod(rest, extent / lanes), lanes));
    rest = div(rest, extent / lanes);
  }
  const moved = [...tile].map(([name, place]): [string, Place] => {
    const at = local.get(name) ?? constant(0);
    const vector = name === along.axis?.name && !along.words ? (along.lanes as Lanes) : 1;
    const plan = { threads: 1, registers: 1, vector };
    return [name, { ...place, plan, local: at, base: add(place.origin, at), step: vector }];
  });
  return new Map(moved);
}

/** Where an element of a tile lies, by coordinates within the tile. */
const tileIndex = ({ axes, length }: Staged, slot: Index): Index =>
  add(scale(slot, length), ...axes.map(({ axis, tile, stride }) => scale(indexOf(variable(axis.name, tile)), stride)));

/** The factor as threads read it from workgroup memory: evaluate it with places within the tile. */
export const fromTile = (staged: Staged, slot: Index): Extract<Expr, { kind: "load" }> => {
  const value = load(staged.buffer, tileIndex(staged, slot));
  if (value.kind !== "load") throw new RangeError(`${staged.buffer.name} cannot be read`);
  return value;
};

/** Places counted from where the tile begins. */
export const withinTile = (places: ReadonlyMap<string, Place>): ReadonlyMap<string, Place> =>
  new Map([...places].map(([name, p]) => [name, { ...p, base: p.local, ragged: false }]));
