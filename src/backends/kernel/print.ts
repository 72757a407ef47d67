import {
  type BinaryOp,
  type Buffer,
  type CompareOp,
  type Expr,
  type Lanes,
  type Scalar,
  type UnaryOp,
  component,
  elementsOf,
} from "./expr.ts";
import { type Atom, type Index, offset } from "./index-expr.ts";
import { type Statement, type ThreadKernel, visit } from "./thread.ts";

/** How a language writes the statements of a thread. What both write alike is in this file. */
export interface Spelling {
  type(dtype: Scalar, lanes: Lanes): string;
  literal(value: number, dtype: Scalar): string;
  readonly functions: Readonly<Record<Exclude<UnaryOp, "neg" | "not"> | "min" | "max" | "pow", string>>;
  select(condition: string, x: string, y: string, lanes: Lanes): string;
  /** A register that keeps its value, or one that changes. */
  declare(name: string, type: string, value: string, changes: boolean): string;
  readonly int: string;
  /** `lanes` elements of a buffer, or words of two, as one place; `at` in units of them; `unit` is what the buffer is an array of. */
  place(buffer: Buffer, at: string, lanes: Lanes, unit: Lanes, dtype: Scalar): string;
  /** What is computed with of what stands in a place, and the other way round. */
  read(place: string, x: { readonly buffer: Buffer; readonly lanes: Lanes; readonly dtype: Scalar }): string;
  write(value: string, x: { readonly buffer: Buffer; readonly lanes: Lanes; readonly dtype: Scalar }): string;
  /** A read that happens where the mask holds, else zero. */
  masked(mask: string, read: string, zero: string): string;
  readonly barrier: string;
  /** Where the language has them: a store that is on its way, its groups, matrix products, words of halves, exchanges. */
  copy?(to: string, from: string, bytes: number, mask: string | undefined): string;
  readonly commit?: string;
  wait?(pending: number): string;
  mma?(d: readonly string[], a: readonly string[], b: readonly string[]): string;
  halves(x: string): string;
  numbers(x: string): string;
  /** Whether a vector may be stored to a buffer of numbers at once. */
  readonly castsPlaces: boolean;
  shuffle?(x: string, xor: number): string;
  readonly variables: Readonly<Record<string, string>>;
}

/** A float32 as both languages write it, a negative one in parentheses, zero with its sign. */
function floatText(value: number): string {
  const text = String(Math.abs(value));
  const whole = `${text}${/[.e]/.test(text) ? "" : ".0"}f`;
  return value < 0 || Object.is(value, -0) ? `(-${whole})` : whole;
}

/** A number as both languages write it. */
export function literalText(value: number, dtype: Scalar): string {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (dtype === "f16x2") return "0u";
  if (dtype === "i32") return value < 0 ? `(${value})` : String(value);
  return floatText(value);
}

/** The statements of a body, a line each. `units` says what the buffers are arrays of. */
export const printBody = (
  body: readonly Statement[],
  spelling: Spelling,
  units: ReadonlyMap<Buffer, Lanes>,
  indent: string,
): string[] => {
  const printer = new Printer(spelling, units);
  return body.flatMap((statement) => printer.statement(statement, indent));
};

/** Buffers of which every access takes vectors of one size are arrays of such vectors; others of numbers. */
export function unitsOf(kernel: ThreadKernel): ReadonlyMap<Buffer, Lanes> {
  const units = new Map<Buffer, Lanes>();
  const see = (buffer: Buffer, lanes: Lanes): void => {
    const known = units.get(buffer);
    units.set(buffer, known === undefined || known === lanes ? lanes : 1);
  };
  visit(kernel.body, {
    expr: (x) => {
      if (x.kind === "load") see(x.buffer, x.lanes);
    },
    statement: (s) => {
      if (s.kind === "store") see(s.buffer, s.value.lanes);
    },
  });
  return units;
}

const infix: Partial<Record<BinaryOp | CompareOp, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  mod: "%",
  and: "&&",
  or: "||",
  lt: "<",
  le: "<=",
  eq: "==",
};

const lines = (indent: string, text: string | undefined): string[] => (text === undefined ? [] : [`${indent}${text}`]);

type Store = Extract<Statement, { kind: "store" }>;

class Printer {
  private readonly s: Spelling;
  private readonly units: ReadonlyMap<Buffer, Lanes>;

  constructor(spelling: Spelling, units: ReadonlyMap<Buffer, Lanes>) {
    this.s = spelling;
    this.units = units;
  }

  statement(s: Statement, indent: string): string[] {
    const inner = (body: readonly Statement[]): string[] =>
      body.flatMap((statement) => this.statement(statement, `${indent}  `));
    switch (s.kind) {
      case "let":
      case "var": {
        const type = this.s.type(s.local.dtype, s.local.lanes);
        return [`${indent}${this.s.declare(s.local.name, type, this.bare(s.value), s.kind === "var")}`];
      }
      case "assign":
        return [`${indent}${s.local.name} ${this.update(s.local.name, s.value)};`];
      case "index":
        return [`${indent}${this.s.declare(s.variable.name, this.s.int, this.bare(s.value), false)}`];
      case "for": {
        const { name, extent } = s.variable;
        const head = `for (${this.s.int === "" ? "var" : this.s.int} ${name} = 0; ${name} < ${extent}; ${name}++) {`;
        return [`${indent}${head}`, ...inner(s.body), `${indent}}`];
      }
      case "if":
        return [`${indent}if (${this.bare(s.condition)}) {`, ...inner(s.body), `${indent}}`];
      case "store":
        return this.stores(s).map((one) => `${indent}${this.store(one)}`);
      case "barrier":
        return [`${indent}${this.s.barrier}`];
      case "commit":
        return lines(indent, this.s.commit);
      case "wait":
        return lines(indent, this.s.wait?.(s.pending));
      case "mma": {
        const names = s.d.map(({ name }) => name);
        const text = this.s.mma?.(
          names,
          s.a.map((x) => this.bare(x)),
          s.b.map((x) => this.bare(x)),
        );
        if (text === undefined) throw new RangeError("this language has no products of matrices");
        return [`${indent}${text}`];
      }
    }
  }

  /** A store, lane by lane where the buffer is one of numbers and the language stores no vectors there. */
  private stores(s: Store): readonly Store[] {
    const { buffer, index, value } = s;
    const unit = this.units.get(buffer) ?? 1;
    if (this.s.castsPlaces || value.lanes === unit) return [s];
    return Array.from({ length: value.lanes }, (_, lane) => ({
      ...s,
      index: offset(index, lane * elementsOf(value.dtype)),
      value: component(value, lane),
    }));
  }

  private store({ buffer, index, value, behind }: Store): string {
    const { lanes, dtype } = value;
    const to = this.place(buffer, index, lanes, dtype);
    if (behind === true && (value.kind !== "load" || value.buffer.storage !== buffer.storage))
      throw new RangeError(`${buffer.name}: what is copied behind must be bytes of its own type`);
    if (behind !== true || this.s.copy === undefined || value.kind !== "load")
      return `${to} = ${this.s.write(this.bare(value), { buffer, lanes, dtype })};`;
    const bytes = lanes * (buffer.storage === "f16" && dtype !== "f16x2" ? 2 : 4);
    const from = this.place(value.buffer, value.index, lanes, dtype);
    return this.s.copy(to, from, bytes, value.mask === undefined ? undefined : this.bare(value.mask));
  }

  /** `+= y` for a sum that begins with the register itself. */
  private update(name: string, value: Expr): string {
    return value.kind === "binary" && value.op === "add" && value.x.kind === "local" && value.x.local.name === name
      ? `+= ${this.bare(value.y)}`
      : `= ${this.bare(value)}`;
  }

  private place(buffer: Buffer, index: Index, lanes: Lanes, dtype: Scalar): string {
    const at = this.linear(index, lanes * elementsOf(dtype));
    return this.s.place(buffer, at, lanes, this.units.get(buffer) ?? 1, dtype);
  }

  /** Without parentheses around the whole. */
  private bare(x: Expr): string {
    const text = this.expr(x);
    const outer = x.kind === "binary" || x.kind === "compare" || x.kind === "index";
    return outer && text.startsWith("(") ? text.slice(1, -1) : text;
  }

  private expr(x: Expr): string {
    switch (x.kind) {
      case "literal":
        return this.s.literal(x.value, x.dtype);
      case "index":
        return `(${this.linear(x.index, 1)})`;
      case "local":
        return x.local.name;
      case "load": {
        const read = this.s.read(this.place(x.buffer, x.index, x.lanes, x.dtype), x);
        if (x.mask === undefined) return read;
        const zero = this.s.literal(0, x.dtype);
        return this.s.masked(
          this.bare(x.mask),
          read,
          x.lanes === 1 ? zero : `${this.s.type(x.dtype, x.lanes)}(${zero})`,
        );
      }
      case "unary":
        if (x.op === "neg" || x.op === "not") return `(${x.op === "neg" ? "-" : "!"}${this.expr(x.x)})`;
        return `${this.s.functions[x.op]}(${this.bare(x.x)})`;
      case "binary":
      case "compare": {
        const sign = infix[x.op];
        const [a, b] = [this.expr(x.x), this.expr(x.y)];
        if (sign !== undefined)
          return `(${a} ${x.lanes > 1 && (x.op === "and" || x.op === "or") ? sign[0] : sign} ${b})`;
        const name = this.s.functions[x.op as "min" | "max" | "pow"];
        return `${name}(${this.bare(x.x)}, ${this.bare(x.y)})`;
      }
      case "select":
        return this.s.select(this.bare(x.condition), this.bare(x.x), this.bare(x.y), x.lanes);
      case "cast":
        return `${this.s.type(x.dtype, x.lanes)}(${this.bare(x.x)})`;
      case "pack": {
        const [first] = x.parts;
        const same = first !== undefined && x.parts.every((part) => part.key === first.key);
        const parts = same ? [first] : x.parts;
        return `${this.s.type(x.dtype, x.lanes)}(${parts.map((part) => this.bare(part)).join(", ")})`;
      }
      case "component":
        return `${this.expr(x.x)}.${"xyzw"[x.lane] ?? ""}`;
      case "halves":
        return this.s.halves(this.bare(x.x));
      case "numbers":
        return this.s.numbers(this.bare(x.x));
      case "shuffle": {
        const text = this.s.shuffle?.(this.bare(x.x), x.xor);
        if (text === undefined) throw new RangeError("threads of this language exchange no registers");
        return text;
      }
      case "reduce":
        throw new RangeError("a sum that was not lowered");
    }
  }

  /** index / by, where `by` divides it. */
  private linear(index: Index, by: number): string {
    if (index.constant % by !== 0 || index.terms.some((t) => t.coefficient % by !== 0))
      throw new RangeError(`${index.key} is no multiple of ${by}`);
    const parts = index.terms.map(({ coefficient, atom }) => {
      const k = coefficient / by;
      return k === 1 ? this.atom(atom) : `${this.atom(atom)} * ${k}`;
    });
    const rest = index.constant / by;
    if (rest !== 0 || parts.length === 0) parts.push(String(rest));
    return parts.join(" + ").replaceAll("+ -", "- ");
  }

  private atom(atom: Atom): string {
    if (atom.kind === "variable") return this.s.variables[atom.variable.name] ?? atom.variable.name;
    // Both languages round towards zero: an index that may be negative is moved up by a multiple first.
    const up = atom.of.min < 0 ? Math.ceil(-atom.of.min / atom.by) : 0;
    const inner = this.linear(atom.of, 1);
    const sign = atom.kind === "div" ? "/" : "%";
    const of =
      atom.of.terms.length === 1 && atom.of.constant === 0 && up === 0
        ? inner
        : `(${inner}${up === 0 ? "" : ` + ${up * atom.by}`})`;
    const text = `(${of} ${sign} ${atom.by})`;
    return atom.kind === "div" && up > 0 ? `(${text} - ${up})` : text;
  }
}
