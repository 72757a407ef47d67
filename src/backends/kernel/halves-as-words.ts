import { largestHalf } from "../../ir/float.ts";
import {
  type Buffer,
  type Expr,
  type Lanes,
  binary,
  compare,
  component,
  halves,
  indexValue,
  literal,
  load,
  numbers,
  pack,
  select,
} from "./expr.ts";
import { type Index, div, mod, scale } from "./index-expr.ts";
import { rebuild } from "./rebuild.ts";
import { type Statement, type ThreadKernel, mapBody } from "./thread.ts";

/**
 * Buffers of halves as buffers of words of two: for a language that has no halves, or has them on some devices only. A number that is
 * stored alone shares its word with another thread's: `storedAlone` says where that is, and such tensors must not be of halves.
 */
export function halvesAsWords(kernel: ThreadKernel): ThreadKernel {
  const { shared, body } = wideShared(kernel);
  return { ...kernel, shared, body: mapBody(body, inWords).map(storedInWords) };
}

/** Memory of a workgroup that numbers are stored to alone holds f32. */
function wideShared(kernel: ThreadKernel): Pick<ThreadKernel, "shared" | "body"> {
  const alone = storedAlone(kernel);
  const wide = new Map(
    kernel.shared.filter((b) => alone.has(b.name)).map((b): [Buffer, Buffer] => [b, { ...b, storage: "f32" }]),
  );
  if (wide.size === 0) return kernel;
  const wideOf = (b: Buffer): Buffer => wide.get(b) ?? b;
  const of = (x: Expr): Expr => {
    const y = rebuild(x, of);
    return y.kind === "load" ? load(wideOf(y.buffer), y.index, y.mask, y.lanes, y.dtype) : y;
  };
  return { shared: kernel.shared.map(wideOf), body: mapBody(kernel.body, of, wideOf) };
}

/** The names of buffers of halves that a kernel stores numbers of alone. */
export function storedAlone({ body }: ThreadKernel): ReadonlySet<string> {
  const names = new Set<string>();
  const see = (s: Statement): void => {
    if (s.kind === "store" && s.buffer.storage === "f16" && s.value.dtype === "f32" && s.value.lanes === 1)
      names.add(s.buffer.name);
    if ("body" in s) s.body.forEach(see);
  };
  body.forEach(see);
  return names;
}

function inWords(x: Expr): Expr {
  const y = rebuild(x, inWords);
  if (y.kind !== "load" || y.buffer.storage !== "f16" || y.dtype !== "f32") return y;
  const { buffer, index, mask, lanes } = y;
  if (lanes === 1) return numberOf(load(buffer, evenOf(index), mask, 1, "f16x2"), index);
  const words = load(buffer, index, mask, (lanes / 2) as Lanes, "f16x2");
  if (lanes === 2) return numbers(words);
  return pack([0, 1].flatMap((word) => [0, 1].map((lane) => component(numbers(component(words, word)), lane))));
}

/** The even number at or below an index. */
const evenOf = (index: Index): Index => scale(div(index, 2), 2);

function numberOf(word: Expr, index: Index): Expr {
  const odd = mod(index, 2);
  const both = numbers(word);
  if (odd.terms.length === 0) return component(both, odd.constant);
  const isEven = compare("lt", indexValue(odd), literal(1, "i32"));
  return select(isEven, component(both, 0), component(both, 1));
}

/** Beyond the largest half WGSL's pack2x16float gives anything. */
const saturated = (x: Expr): Expr => binary("min", binary("max", x, literal(-largestHalf)), literal(largestHalf));

function storedInWords(s: Statement): Statement {
  if ("body" in s) return { ...s, body: s.body.map(storedInWords) };
  if (s.kind !== "store" || s.buffer.storage !== "f16" || s.value.dtype !== "f32") return s;
  const { value, buffer } = s;
  if (value.lanes === 1) throw new RangeError(`${buffer.name} holds words, and a number is stored alone`);
  const pairs = Array.from({ length: value.lanes / 2 }, (_, i) =>
    halves(saturated(pack([component(value, 2 * i), component(value, 2 * i + 1)]))),
  );
  const [first] = pairs;
  return { ...s, value: pairs.length === 1 && first !== undefined ? first : pack(pairs) };
}
