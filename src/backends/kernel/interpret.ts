import { warp } from "./workgroup.ts";
import { decodeFloat, encodeFloat } from "../../ir/float.ts";
import { erf } from "../../ir/ops/activation.ts";
import { type BinaryOp, type Buffer, type CompareOp, type Expr, type UnaryOp, childrenOf, elementsOf } from "./expr.ts";
import type { Atom, Index } from "./index-expr.ts";
import { type Statement, type ThreadKernel, blockVariables, threadVariable } from "./thread.ts";

/** Memory by buffer. */
export type Memory = ReadonlyMap<Buffer, Float32Array | Int32Array>;

/** Names of one thread: registers as lists of lanes (two numbers for a word of halves), integers as lists of one. */
type Names = Map<string, readonly number[]>;

/**
 * Runs every workgroup of a kernel, its threads statement by statement. A statement in which threads meet (a barrier, an exchange
 * of registers, a product of matrices) is run by all threads together, so what decides how often it runs must be the same for
 * all of them. The workgroup's memory holds NaN at first, and copies arrive when they are waited for. Throws RangeError
 * for an access outside of a buffer, for a barrier that some threads do not reach, and where two threads read and write, or
 * write, one element without a barrier between: what a device would do then is not said.
 */
export function interpretKernel(kernel: ThreadKernel, memory: Memory): void {
  const [gx, gy, gz] = kernel.grid;
  const touched: Touched = new Map([...kernel.writes].map((b) => [b, usersOf(b)]));
  let from = 0;
  for (let z = 0; z < gz; z++)
    for (let y = 0; y < gy; y++)
      for (let x = 0; x < gx; x++) {
        new Workgroup(kernel, memory, [x, y, z], { touched, from }).run();
        from += kernel.workgroup;
      }
}

const unaries: Record<UnaryOp, (x: number) => number> = {
  neg: (x) => -x,
  not: (x) => (x === 0 ? 1 : 0),
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  floor: Math.floor,
};

const binaries: Record<BinaryOp, (x: number, y: number) => number> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  mod: (x, y) => x % y,
  min: Math.min,
  max: Math.max,
  pow: (x, y) => x ** y,
  and: (x, y) => (x !== 0 && y !== 0 ? 1 : 0),
  or: (x, y) => (x !== 0 || y !== 0 ? 1 : 0),
};

const comparisons: Record<CompareOp, (x: number, y: number) => boolean> = {
  lt: (x, y) => x < y,
  le: (x, y) => x <= y,
  eq: (x, y) => x === y,
};

/** Who used the elements of the workgroup's memory since the last barrier: a thread, nobody, or several. */
const nobody = -1;
const several = -2;

interface Users {
  readonly writers: Int32Array;
  readonly readers: Int32Array;
}

interface SharedMemory extends Users {
  readonly cells: Float32Array;
}

/** Who used the elements of what a kernel writes: nothing orders threads of different workgroups while it runs. */
type Touched = ReadonlyMap<Buffer, Users>;

const usersOf = ({ length }: Buffer): Users => ({
  writers: new Int32Array(length).fill(nobody),
  readers: new Int32Array(length).fill(nobody),
});

type Store = Extract<Statement, { kind: "store" }>;
type Product = Extract<Statement, { kind: "mma" }>;

/** What a copy on its way will write. */
interface Copied {
  readonly buffer: Buffer;
  readonly at: number;
  readonly numbers: readonly number[];
}

class Workgroup {
  private readonly kernel: ThreadKernel;
  private readonly memory: Memory;
  private readonly shared: ReadonlyMap<Buffer, SharedMemory>;
  private readonly threads: readonly Names[];
  /** Groups of copies by thread, the oldest first; the last group is still open. */
  private readonly copies: readonly Copied[][][];
  private readonly collective = new Map<Statement, boolean>();
  private readonly grid: { readonly touched: Touched; readonly from: number };

  constructor(
    kernel: ThreadKernel,
    memory: Memory,
    block: readonly number[],
    grid: { readonly touched: Touched; readonly from: number },
  ) {
    this.grid = grid;
    this.kernel = kernel;
    this.memory = memory;
    this.shared = new Map(
      kernel.shared.map((b) => [b, { cells: new Float32Array(b.length).fill(NaN), ...usersOf(b) }]),
    );
    this.threads = Array.from({ length: kernel.workgroup }, (_, thread): Names => {
      const names: Names = new Map([[threadVariable, [thread]]]);
      blockVariables.forEach((name, i) => names.set(name, [block[i] ?? 0]));
      return names;
    });
    this.copies = this.threads.map(() => [[]]);
  }

  run(): void {
    this.together(this.kernel.body);
  }

  private together(body: readonly Statement[]): void {
    for (const s of body) {
      if (!this.isCollective(s)) this.threads.forEach((names, thread) => this.alone(s, names, thread));
      else if (s.kind === "barrier") this.meet();
      else if (s.kind === "mma") for (let at = 0; at < this.threads.length; at += warp) this.multiply(s, at);
      else if (s.kind === "for")
        for (let i = 0; i < s.variable.extent; i++) {
          for (const names of this.threads) names.set(s.variable.name, [i]);
          this.together(s.body);
        }
      else if (s.kind === "let" || s.kind === "var" || s.kind === "assign") {
        const values = this.threads.map((names, thread) => this.value(s.value, names, thread));
        this.threads.forEach((names, thread) => names.set(s.local.name, (values[thread] ?? []).map(roundOf(s.value))));
      } else throw new RangeError(`${this.kernel.name}: a meeting that not every thread need reach`);
    }
  }

  /** Whether threads meet in a statement. */
  private isCollective(s: Statement): boolean {
    const found = this.collective.get(s);
    if (found !== undefined) return found;
    const inside = (s.kind === "for" || s.kind === "if") && s.body.some((inner) => this.isCollective(inner));
    const meets = s.kind === "barrier" || s.kind === "mma" || ("value" in s && exchanges(s.value)) || inside;
    this.collective.set(s, meets);
    return meets;
  }

  private meet(): void {
    for (const { writers, readers } of this.shared.values()) {
      writers.fill(nobody);
      readers.fill(nobody);
    }
  }

  /** The product of a warp that begins with a thread. */
  private multiply({ d, a, b }: Product, from: number): void {
    if (from + warp > this.threads.length) throw new RangeError(`${this.kernel.name}: a warp of less than ${warp}`);
    const numbers = (parts: readonly Expr[]): number[][][] =>
      Array.from({ length: warp }, (_, t) =>
        parts.map((x) => [...this.value(x, this.threads[from + t] ?? new Map(), from + t)]),
      );
    const [left, right] = [numbers(a), numbers(b)];
    // Row r and column k of the left matrix, row k and column c of the right one, by the instruction's layout.
    const leftAt = (r: number, k: number): number =>
      left[(r % 8) * 4 + ((k % 8) >> 1)]?.[(r >> 3) + 2 * (k >> 3)]?.[k % 2] ?? 0;
    const rightAt = (k: number, c: number): number => right[c * 4 + ((k % 8) >> 1)]?.[k >> 3]?.[k % 2] ?? 0;
    for (let t = 0; t < warp; t++)
      d.forEach((local, half) => {
        const names = this.threads[from + t] ?? new Map();
        const sums = known(names, local.name).map((start, lane) => {
          let sum = start;
          for (let k = 0; k < 16; k++) sum += leftAt((t >> 2) + 8 * half, k) * rightAt(k, 2 * (t % 4) + lane);
          return Math.fround(sum);
        });
        names.set(local.name, sums);
      });
  }

  private alone(s: Statement, names: Names, thread: number): void {
    switch (s.kind) {
      case "let":
      case "var":
      case "assign":
        names.set(s.local.name, this.value(s.value, names, thread).map(roundOf(s.value)));
        return;
      case "index": {
        const [value = 0] = this.value(s.value, names, thread);
        if (value < 0 || value >= s.variable.extent)
          throw new RangeError(`${this.kernel.name}: ${s.variable.name} is ${value}, not below ${s.variable.extent}`);
        names.set(s.variable.name, [value]);
        return;
      }
      case "for":
        for (let i = 0; i < s.variable.extent; i++) {
          names.set(s.variable.name, [i]);
          for (const inner of s.body) this.alone(inner, names, thread);
        }
        return;
      case "if":
        if (this.value(s.condition, names, thread)[0] !== 0)
          for (const inner of s.body) this.alone(inner, names, thread);
        return;
      case "store":
        return this.store(s, names, thread);
      case "commit":
        this.copies[thread]?.push([]);
        return;
      case "wait":
        return this.arrive(thread, s.pending);
      case "barrier":
      case "mma":
        return;
    }
  }

  private store({ buffer, index, value, behind }: Store, names: Names, thread: number): void {
    const at = indexOfThread(index, names);
    const numbers = this.value(value, names, thread);
    if (behind !== true) {
      numbers.forEach((number, lane) => this.write(buffer, at + lane, number, thread));
      return;
    }
    if (value.kind !== "load" || value.buffer.storage !== buffer.storage)
      throw new RangeError(`${this.kernel.name}: a copy to ${buffer.name} moves bytes of another type`);
    // From now until the copy has arrived nobody can tell what is there.
    numbers.forEach((_, lane) => this.write(buffer, at + lane, NaN, thread));
    this.copies[thread]?.at(-1)?.push({ buffer, at, numbers });
  }

  /** All copies of a thread but those of its last `pending` finished groups. */
  private arrive(thread: number, pending: number): void {
    const groups = this.copies[thread] ?? [];
    while (groups.length > pending + 1)
      for (const { buffer, at, numbers } of groups.shift() ?? [])
        numbers.forEach((number, lane) => this.write(buffer, at + lane, number, thread));
  }

  private cells(buffer: Buffer, at: number): Float32Array | Int32Array {
    const cells = buffer.space === "workgroup" ? this.shared.get(buffer)?.cells : this.memory.get(buffer);
    if (cells === undefined) throw new RangeError(`${this.kernel.name}: ${buffer.name} has no memory`);
    if (at < 0 || at >= cells.length)
      throw new RangeError(`${this.kernel.name}: ${buffer.name}[${at}] of ${cells.length} elements`);
    return cells;
  }

  /** Who used a buffer's elements, and this thread's name among them; undefined for what the kernel only reads. */
  private users(buffer: Buffer, thread: number): { readonly users: Users; readonly name: number } | undefined {
    const shared = this.shared.get(buffer);
    if (shared !== undefined) return { users: shared, name: thread };
    const users = this.grid.touched.get(buffer);
    return users && { users, name: this.grid.from + thread };
  }

  private write(buffer: Buffer, at: number, value: number, thread: number): void {
    this.cells(buffer, at)[at] = buffer.storage === "f16" ? decodeFloat("f16", encodeFloat("f16", value)) : value;
    const used = this.users(buffer, thread);
    if (used === undefined) return;
    const { users, name } = used;
    const [writer, reader] = [users.writers[at] ?? nobody, users.readers[at] ?? nobody];
    if (writer !== nobody && writer !== name)
      throw new RangeError(`${this.kernel.name}: two threads write ${buffer.name}[${at}]`);
    if (reader !== nobody && reader !== name)
      throw new RangeError(`${this.kernel.name}: ${buffer.name}[${at}] is written while another thread reads it`);
    users.writers[at] = name;
  }

  private read(buffer: Buffer, at: number, thread: number): number {
    const cells = this.cells(buffer, at);
    const used = this.users(buffer, thread);
    if (used === undefined) return cells[at] ?? 0;
    const { users, name } = used;
    const [writer, reader] = [users.writers[at] ?? nobody, users.readers[at] ?? nobody];
    if (writer !== nobody && writer !== name)
      throw new RangeError(`${this.kernel.name}: ${buffer.name}[${at}] is read without a barrier`);
    users.readers[at] = reader === nobody || reader === name ? name : several;
    return cells[at] ?? 0;
  }

  private value(x: Expr, names: Names, thread: number): readonly number[] {
    const of = (part: Expr): readonly number[] => this.value(part, names, thread);
    switch (x.kind) {
      case "literal":
        return x.dtype === "f16x2" ? [0, 0] : [x.dtype === "f32" ? Math.fround(x.value) : x.value];
      case "index":
        return [indexOfThread(x.index, names)];
      case "local":
        return known(names, x.local.name);
      case "load": {
        const length = x.lanes * elementsOf(x.dtype);
        if (x.mask !== undefined && of(x.mask)[0] === 0) return Array.from({ length }, () => 0);
        const at = indexOfThread(x.index, names);
        return Array.from({ length }, (_, lane) => this.read(x.buffer, at + lane, thread));
      }
      case "unary":
        return of(x.x).map((v) => roundOf(x)(unaries[x.op](v)));
      case "binary": {
        const b = of(x.y);
        return of(x.x).map((v, lane) => roundOf(x)(binaries[x.op](v, b[lane] ?? 0)));
      }
      case "compare": {
        const b = of(x.y);
        return of(x.x).map((v, lane) => (comparisons[x.op](v, b[lane] ?? 0) ? 1 : 0));
      }
      case "select": {
        const [c, a, b] = [of(x.condition), of(x.x), of(x.y)];
        return a.map((v, i) => (c[Math.floor(i / elementsOf(x.dtype))] === 0 ? (b[i] ?? 0) : v));
      }
      case "cast":
        return of(x.x).map(x.dtype === "i32" ? Math.trunc : Math.fround);
      case "pack":
        return x.parts.flatMap(of);
      case "component": {
        const width = elementsOf(x.dtype);
        return of(x.x).slice(x.lane * width, (x.lane + 1) * width);
      }
      case "halves":
        return of(x.x).map((v) => decodeFloat("f16", encodeFloat("f16", v)));
      case "numbers":
        return of(x.x);
      case "shuffle": {
        const other = thread ^ x.xor;
        return this.value(x.x, this.threads[other] ?? new Map(), other);
      }
      case "reduce":
        throw new RangeError(`${this.kernel.name}: a sum that was not lowered`);
    }
  }
}

const roundOf = (x: Expr): ((v: number) => number) => (x.dtype === "f32" ? Math.fround : (v) => v);

function known(names: Names, name: string): readonly number[] {
  const value = names.get(name);
  if (value === undefined) throw new RangeError(`${name} is used where it is not defined`);
  return value;
}

const indexOfThread = (e: Index, names: Names): number =>
  e.terms.reduce((sum, { coefficient, atom }) => sum + coefficient * atomOfThread(atom, names), e.constant);

function atomOfThread(atom: Atom, names: Names): number {
  if (atom.kind === "variable") return known(names, atom.variable.name)[0] ?? 0;
  const of = indexOfThread(atom.of, names);
  const whole = Math.floor(of / atom.by);
  return atom.kind === "div" ? whole : of - whole * atom.by;
}

/** Whether an expression reads what other threads hold. */
const exchanges = (x: Expr): boolean => x.kind === "shuffle" || childrenOf(x).some(exchanges);
