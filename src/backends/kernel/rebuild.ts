import {
  type Expr,
  binary,
  cast,
  compare,
  component,
  halves,
  load,
  numbers,
  pack,
  select,
  shuffle,
  unary,
} from "./expr.ts";

/** The same expression with other parts; indices stay. */
export function rebuild(x: Expr, of: (part: Expr) => Expr): Expr {
  switch (x.kind) {
    case "literal":
    case "local":
    case "index":
    case "reduce":
      return x;
    case "load":
      return x.mask === undefined ? x : load(x.buffer, x.index, of(x.mask), x.lanes, x.dtype);
    case "unary":
      return unary(x.op, of(x.x));
    case "binary":
      return binary(x.op, of(x.x), of(x.y));
    case "compare":
      return compare(x.op, of(x.x), of(x.y));
    case "select":
      return select(of(x.condition), of(x.x), of(x.y));
    case "cast":
      return cast(of(x.x), x.dtype);
    case "pack":
      return pack(x.parts.map(of));
    case "component":
      return component(of(x.x), x.lane);
    case "halves":
      return halves(of(x.x));
    case "numbers":
      return numbers(of(x.x));
    case "shuffle":
      return shuffle(of(x.x), x.xor);
  }
}
