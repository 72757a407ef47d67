import type { BinaryOp, Buffer, CompareOp, Expr, Local, Scalar, UnaryOp } from "../kernel/expr.ts";
import type { Atom, Index } from "../kernel/index-expr.ts";
import { type Statement, type ThreadKernel, visit } from "../kernel/thread.ts";

/** A kernel as WGSL: the only place that knows its spelling. The entry point is `main`, the bindings are those of group 0. */
export function printWgsl(kernel: ThreadKernel): string {
  const vectors = vectorBuffers(kernel);
  const p = new Printer(vectors);
  const bindings = kernel.buffers.map(
    (b, i) => `@group(0) @binding(${i}) var<storage, read_write> ${b.name}: array<${p.element(b)}>;`,
  );
  const shared = kernel.shared.map(
    (b) => `var<workgroup> ${b.name}: array<${p.element(b)}, ${b.length / (vectors.get(b) ?? 1)}>;`,
  );
  return [
    ...bindings,
    ...shared,
    `@compute @workgroup_size(${kernel.workgroup})`,
    "fn main(@builtin(local_invocation_index) thread_: u32, @builtin(workgroup_id) block_: vec3<u32>) {",
    "  let thread = i32(thread_); let block = vec3<i32>(block_);",
    ...p.statements(kernel.body, "  "),
    "}",
    "",
  ].join("\n");
}

/** Buffers of which every access takes vectors of one size are arrays of vectors. */
function vectorBuffers(kernel: ThreadKernel): ReadonlyMap<Buffer, number> {
  const lanes = new Map<Buffer, number>();
  const see = (buffer: Buffer, n: number): void => {
    const old = lanes.get(buffer);
    lanes.set(buffer, old === undefined || old === n ? n : 1);
  };
  visit(kernel.body, {
    expr: (x) => {
      if (x.kind === "load") see(x.buffer, x.lanes);
    },
    statement: (s) => {
      if (s.kind === "store") see(s.buffer, s.value.lanes);
    },
  });
  return lanes;
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
const unaryNames: Record<UnaryOp, string> = {
  neg: "-",
  not: "!",
  abs: "abs",
  exp: "exp",
  log: "log",
  sqrt: "sqrt",
  rsqrt: "inverseSqrt",
  sin: "sin",
  cos: "cos",
  tanh: "tanh",
  erf: "erf",
  floor: "floor",
};

class Printer {
  private readonly vectors: ReadonlyMap<Buffer, number>;
  constructor(vectors: ReadonlyMap<Buffer, number>) {
    this.vectors = vectors;
  }

  element(b: Buffer): string {
    const n = this.vectors.get(b) ?? 1;
    return n === 1 ? b.storage : `vec${n}<${b.storage}>`;
  }

  statements(list: readonly Statement[], indent: string): string[] {
    return list.flatMap((s) => this.statement(s, indent));
  }

  private statement(s: Statement, indent: string): string[] {
    switch (s.kind) {
      case "let":
        return [`${indent}let ${s.local.name} = ${this.expr(s.value)};`];
      case "var":
        return [`${indent}var ${s.local.name}: ${typeOf(s.local)} = ${this.expr(s.value)};`];
      case "assign":
        return [`${indent}${s.local.name} = ${this.expr(s.value)};`];
      case "index":
        return [`${indent}let ${s.variable.name} = ${this.expr(s.value)};`];
      case "for": {
        const v = s.variable.name;
        return [
          `${indent}for (var ${v} = 0; ${v} < ${s.variable.extent}; ${v}++) {`,
          ...this.statements(s.body, `${indent}  `),
          `${indent}}`,
        ];
      }
      case "if":
        return [`${indent}if (${this.expr(s.condition)}) {`, ...this.statements(s.body, `${indent}  `), `${indent}}`];
      case "store":
        return [`${indent}${this.place(s.buffer, s.index)} = ${this.expr(s.value)};`];
      case "barrier":
        return [`${indent}workgroupBarrier();`];
    }
  }

  private place(buffer: Buffer, index: Index): string {
    const n = this.vectors.get(buffer) ?? 1;
    if (n === 1) return `${buffer.name}[${indexText(index)}]`;
    const scaled = index.terms.every((t) => t.coefficient % n === 0) && index.constant % n === 0;
    if (!scaled) throw new RangeError(`a vector of ${buffer.name} at ${index.key}`);
    return `${buffer.name}[${linear(index, n)}]`;
  }

  private expr(x: Expr): string {
    switch (x.kind) {
      case "literal":
        return literalText(x.value, x.dtype);
      case "index":
        return `(${indexText(x.index)})`;
      case "local":
        return x.local.name;
      case "load": {
        const n = this.vectors.get(x.buffer) ?? 1;
        const text =
          n === 1 && x.lanes > 1
            ? `vec${x.lanes}<f32>(${Array.from({ length: x.lanes }, (_, i) => `${x.buffer.name}[${indexText(x.index)} + ${i}]`).join(", ")})`
            : this.place(x.buffer, x.index);
        const zero = x.lanes === 1 ? literalText(0, x.dtype) : `vec${x.lanes}<f32>()`;
        return x.mask === undefined ? text : `select(${zero}, ${text}, ${this.expr(x.mask)})`;
      }
      case "unary":
        return x.op === "neg" || x.op === "not"
          ? `(${unaryNames[x.op]}${this.expr(x.x)})`
          : `${unaryNames[x.op]}(${this.expr(x.x)})`;
      case "binary":
      case "compare": {
        const sign = infix[x.op];
        return sign === undefined
          ? `${x.op}(${this.expr(x.x)}, ${this.expr(x.y)})`
          : `(${this.expr(x.x)} ${sign} ${this.expr(x.y)})`;
      }
      case "select":
        return `select(${this.expr(x.y)}, ${this.expr(x.x)}, ${this.expr(x.condition)})`;
      case "cast":
        return `${vectorType(x.dtype, x.lanes)}(${this.expr(x.x)})`;
      case "pack": {
        const [first] = x.parts;
        const same = first !== undefined && x.parts.every((part) => part.key === first.key);
        const parts = same ? [first] : x.parts;
        return `${vectorType(x.dtype, x.lanes)}(${parts.map((part) => this.expr(part)).join(", ")})`;
      }
      case "component":
        return `${this.expr(x.x)}.${"xyzw"[x.lane]}`;
      case "reduce":
        throw new RangeError("a sum that was not lowered");
    }
  }
}

const vectorType = (dtype: Scalar, lanes: number): string => (lanes === 1 ? dtype : `vec${lanes}<${dtype}>`);
const typeOf = (local: Local): string => vectorType(local.dtype, local.lanes);

function literalText(value: number, dtype: Scalar): string {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (dtype === "i32") return value < 0 ? `(${value})` : String(value);
  const text = String(value);
  const number = /[.e]/.test(text) ? `${text}f` : `${text}.0f`;
  return value < 0 ? `(${number})` : number;
}

const indexText = (index: Index): string => linear(index, 1);

/** index / by, where `by` divides it. */
function linear(index: Index, by: number): string {
  const parts = index.terms.map(({ coefficient, atom }) => {
    const k = coefficient / by;
    return k === 1 ? atomText(atom) : `${atomText(atom)} * ${k}`;
  });
  const rest = index.constant / by;
  if (rest !== 0 || parts.length === 0) parts.push(String(rest));
  return parts.join(" + ").replaceAll("+ -", "- ");
}

function atomText(atom: Atom): string {
  if (atom.kind === "variable") return atom.variable.name;
  const sign = atom.kind === "div" ? "/" : "%";
  // WGSL's division and remainder round towards zero; an index that may be negative is moved up by a multiple first.
  const up = atom.of.min < 0 ? Math.ceil(-atom.of.min / atom.by) : 0;
  const inner = linear(atom.of, 1);
  if (up === 0) return `((${inner}) ${sign} ${atom.by})`;
  const moved = `((${inner} + ${up * atom.by}) ${sign} ${atom.by})`;
  return atom.kind === "div" ? `(${moved} - ${up})` : moved;
}
