import { type Expr, binary, component, indexValue, literal, load, pack } from "./expr.ts";
import { type Index, coefficientOf, isMultiple, substitute, variablesOf } from "./index-expr.ts";
import { type Place, type Point, coordinate, inside, vectorAxis } from "./place.ts";
import { rebuild } from "./rebuild.ts";

/** What an expression over axes is for one thread at one point of them. */
export interface Surroundings {
  readonly places: ReadonlyMap<string, Place>;
  /** The register that holds a local or a sum, by name or key. */
  held(key: string, point: Point): Expr;
}

/** The value of an expression at a point: a vector where the point takes an axis as a vector and the expression varies along it. */
export function evaluate(x: Expr, point: Point, s: Surroundings): Expr {
  const of = (child: Expr): Expr => evaluate(child, point, s);
  switch (x.kind) {
    case "index":
      return lanes(x.index, point, s, indexValue);
    case "load":
      return loadAt(x, point, s);
    case "local":
      return s.held(x.local.name, point);
    case "reduce":
      return s.held(x.key, point);
    default:
      return rebuild(x, of);
  }
}

/** An index at a point, of the first lane of a vector. */
export const indexAt = (index: Index, point: Point, { places }: Surroundings): Index =>
  substitute(index, ({ name }) => {
    const place = places.get(name);
    return place === undefined ? undefined : coordinate(place, point);
  });

/** The axis along which an index is a vector at this point, with its number of lanes. */
function vectorAlong(
  index: Index,
  point: Point,
  { places }: Surroundings,
): { name: string; lanes: number } | undefined {
  const name = vectorAxis(point);
  const place = name === undefined ? undefined : places.get(name);
  if (name === undefined || place === undefined || !variablesOf(index).has(name)) return undefined;
  return { name, lanes: place.plan.vector };
}

/** One value for each lane of an index. */
function lanes(index: Index, point: Point, s: Surroundings, make: (at: Index, lane: number) => Expr): Expr {
  const vector = vectorAlong(index, point, s);
  if (vector === undefined) return make(indexAt(index, point, s), 0);
  const { name, lanes: count } = vector;
  const register = point.get(name)?.register ?? 0;
  return pack(
    Array.from({ length: count }, (_, lane) =>
      make(indexAt(index, new Map([...point, [name, { register, lane }]]), s), lane),
    ),
  );
}

function loadAt(x: Extract<Expr, { kind: "load" }>, point: Point, s: Surroundings): Expr {
  const used = variablesOf(x.index);
  const ragged = [...s.places.values()].filter((place) => used.has(place.axis.name));
  const own = x.mask === undefined ? literal(1, "bool") : evaluate(x.mask, point, s);
  const mask = binary("and", own, inside(ragged, point));
  return (
    wideLoad(x, mask, point, s) ?? lanes(x.index, point, s, (at, lane) => load(x.buffer, at, component(mask, lane)))
  );
}

/** A load of elements that lie next to each other along the axis of a vector, or one lane of it along an axis of several lanes. */
function wideLoad(x: Extract<Expr, { kind: "load" }>, mask: Expr, point: Point, s: Surroundings): Expr | undefined {
  if (mask.lanes > 1) return undefined;
  for (const [name, { register, lane }] of point) {
    const vector = s.places.get(name)?.plan.vector ?? 1;
    if (vector === 1 || coefficientOf(x.index, name) !== 1 || x.mask?.free.has(name) === true) continue;
    if (lane !== "all" && vectorAlong(x.index, point, s) !== undefined) continue;
    const first = indexAt(x.index, new Map([...point, [name, { register, lane: 0 }]]), s);
    if (!isMultiple(first, vector)) continue;
    const whole = load(x.buffer, first, mask, vector);
    return lane === "all" ? whole : component(whole, lane);
  }
  return undefined;
}

/** Where the elements of a value are stored: together where they lie next to each other. */
export function storesAt(
  index: Index,
  value: Expr,
  point: Point,
  s: Surroundings,
): readonly { readonly index: Index; readonly value: Expr }[] {
  const first = indexAt(index, point, s);
  const vector = vectorAlong(index, point, s);
  if (vector === undefined) return [{ index: first, value: component(value, 0) }];
  const whole = pack(Array.from({ length: vector.lanes }, (_, lane) => component(value, lane)));
  if (coefficientOf(index, vector.name) === 1 && isMultiple(first, vector.lanes))
    return [{ index: first, value: whole }];
  const register = point.get(vector.name)?.register ?? 0;
  return Array.from({ length: vector.lanes }, (_, lane) => ({
    index: indexAt(index, new Map([...point, [vector.name, { register, lane }]]), s),
    value: component(whole, lane),
  }));
}
