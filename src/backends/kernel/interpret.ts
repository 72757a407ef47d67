import { erf } from "../../ir/ops/activation.ts";
import type { BinaryOp, Buffer, CompareOp, Expr, UnaryOp } from "./expr.ts";
import type { Atom, Index } from "./index-expr.ts";
import { type Statement, type ThreadKernel, blockVariables, threadVariable } from "./thread.ts";

/** Memory by buffer. */
export type Memory = ReadonlyMap<Buffer, Float32Array | Int32Array>;

/** Names of one thread: registers as lists of lanes, integers as lists of one. */
type Names = Map<string, readonly number[]>;

/**
 * Runs every workgroup of a kernel, its threads statement by statement. A statement with a barrier inside is run by all threads
 * together, so what decides how often it runs must be the same for all of them. Throws RangeError for
 * an access outside of a buffer, for a barrier that some threads do not reach, and for a read of what another thread wrote since
 * the last barrier: what a device would do then is not said.
 */
export function interpretKernel(kernel: ThreadKernel, memory: Memory): void {
  const [gx, gy, gz] = kernel.grid;
  for (let z = 0; z < gz; z++)
    for (let y = 0; y < gy; y++) for (let x = 0; x < gx; x++) new Workgroup(kernel, memory, [x, y, z]).run();
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

class Workgroup {
  private readonly kernel: ThreadKernel;
  private readonly memory: Memory;
  private readonly shared: ReadonlyMap<Buffer, Float32Array>;
  /** For each element of the workgroup's memory: who wrote it since the last barrier. */
  private readonly writers = new Map<Buffer, Map<number, number>>();
  private readonly threads: readonly Names[];

  constructor(kernel: ThreadKernel, memory: Memory, block: readonly number[]) {
    this.kernel = kernel;
    this.memory = memory;
    this.shared = new Map(kernel.shared.map((b) => [b, new Float32Array(b.length)]));
    this.threads = Array.from({ length: kernel.workgroup }, (_, thread): Names => {
      const names: Names = new Map([[threadVariable, [thread]]]);
      blockVariables.forEach((name, i) => names.set(name, [block[i] ?? 0]));
      return names;
    });
  }

  run(): void {
    this.together(this.kernel.body);
  }

  private together(body: readonly Statement[]): void {
    for (const statement of body) {
      if (statement.kind === "barrier") this.writers.clear();
      else if (!hasBarrier(statement)) this.threads.forEach((names, thread) => this.alone(statement, names, thread));
      else if (statement.kind === "for")
        for (let i = 0; i < statement.variable.extent; i++) {
          for (const names of this.threads) names.set(statement.variable.name, [i]);
          this.together(statement.body);
        }
      else throw new RangeError(`${this.kernel.name}: a barrier that not every thread need reach`);
    }
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
      case "store": {
        const at = indexOfThread(s.index, names);
        this.value(s.value, names, thread).forEach((number, lane) => this.write(s.buffer, at + lane, number, thread));
        return;
      }
      case "barrier":
        return;
    }
  }

  private cells(buffer: Buffer, at: number): Float32Array | Int32Array {
    const cells = buffer.space === "workgroup" ? this.shared.get(buffer) : this.memory.get(buffer);
    if (cells === undefined) throw new RangeError(`${this.kernel.name}: ${buffer.name} has no memory`);
    if (at < 0 || at >= cells.length)
      throw new RangeError(`${this.kernel.name}: ${buffer.name}[${at}] of ${cells.length} elements`);
    return cells;
  }

  private write(buffer: Buffer, at: number, value: number, thread: number): void {
    this.cells(buffer, at)[at] = value;
    if (buffer.space !== "workgroup") return;
    const writers = this.writers.get(buffer) ?? new Map<number, number>();
    this.writers.set(buffer, writers);
    const other = writers.get(at) ?? thread;
    if (other !== thread) throw new RangeError(`${this.kernel.name}: two threads write ${buffer.name}[${at}]`);
    writers.set(at, thread);
  }

  private read(buffer: Buffer, at: number, thread: number): number {
    const writer = this.writers.get(buffer)?.get(at) ?? thread;
    if (writer !== thread) throw new RangeError(`${this.kernel.name}: ${buffer.name}[${at}] is read without a barrier`);
    return this.cells(buffer, at)[at] ?? 0;
  }

  private value(x: Expr, names: Names, thread: number): readonly number[] {
    const of = (part: Expr): readonly number[] => this.value(part, names, thread);
    switch (x.kind) {
      case "literal":
        return [x.dtype === "f32" ? Math.fround(x.value) : x.value];
      case "index":
        return [indexOfThread(x.index, names)];
      case "local":
        return known(names, x.local.name);
      case "load": {
        if (x.mask !== undefined && of(x.mask)[0] === 0) return Array.from({ length: x.lanes }, () => 0);
        const at = indexOfThread(x.index, names);
        return Array.from({ length: x.lanes }, (_, lane) => this.read(x.buffer, at + lane, thread));
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
        return a.map((v, lane) => (c[lane] === 0 ? (b[lane] ?? 0) : v));
      }
      case "cast":
        return of(x.x).map(x.dtype === "i32" ? Math.trunc : Math.fround);
      case "pack":
        return x.parts.map((part) => of(part)[0] ?? 0);
      case "component":
        return [of(x.x)[x.lane] ?? 0];
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

const hasBarrier = (s: Statement): boolean =>
  s.kind === "barrier" || ((s.kind === "for" || s.kind === "if") && s.body.some(hasBarrier));
