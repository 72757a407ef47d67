import { type Buffer, type Expr, type Local, childrenOf } from "./expr.ts";
import type { Index, Variable } from "./index-expr.ts";

/** A kernel as one thread's statements: what the printers spell and the interpreter runs. */
export interface ThreadKernel {
  readonly name: string;
  /** What is bound, in the order of the bindings; stores go to buffers of `writes`. */
  readonly buffers: readonly Buffer[];
  readonly writes: ReadonlySet<Buffer>;
  readonly shared: readonly Buffer[];
  /** Threads of a workgroup, in one row: the variable `thread`. */
  readonly workgroup: number;
  /** Workgroups: the variables `block.x`, `block.y`, `block.z`. */
  readonly grid: readonly [number, number, number];
  readonly body: readonly Statement[];
}

export type Statement =
  /** A register that keeps its value. */
  | { readonly kind: "let"; readonly local: Local; readonly value: Expr }
  /** A register that `assign` changes. */
  | { readonly kind: "var"; readonly local: Local; readonly value: Expr }
  | { readonly kind: "assign"; readonly local: Local; readonly value: Expr }
  /** A name for an integer in [0, variable.extent). */
  | { readonly kind: "index"; readonly variable: Variable; readonly value: Expr }
  | { readonly kind: "for"; readonly variable: Variable; readonly body: readonly Statement[] }
  | { readonly kind: "if"; readonly condition: Expr; readonly body: readonly Statement[] }
  /** With `behind` a copy that may be on its way until a `wait`: the value is a load, the buffer the workgroup's. */
  | {
      readonly kind: "store";
      readonly buffer: Buffer;
      readonly index: Index;
      readonly value: Expr;
      readonly behind?: true;
    }
  /** All threads of the workgroup meet here, and see what any of them wrote before. Never inside an `if`. */
  | { readonly kind: "barrier" }
  /** Ends a group of copies of this thread; a group may be empty. */
  | { readonly kind: "commit" }
  /** All but the last `pending` groups of copies of this thread have arrived. */
  | { readonly kind: "wait"; readonly pending: number }
  /**
   * The 32 threads of a warp add a product of matrices, [16, 16] times [16, 8], to `d`: the registers are the fragments of
   * mma.m16n8k16 with f16 factors and f32 sums (PTX ISA). Each thread has the rows thread / 4 (d[0]) and 8 + thread / 4 (d[1]).
   */
  | {
      readonly kind: "mma";
      readonly d: readonly [Local, Local];
      readonly a: readonly Expr[];
      readonly b: readonly Expr[];
    };

export const threadVariable = "thread";
export const blockVariables = ["block.x", "block.y", "block.z"] as const;

/** Calls `see` with every statement and every expression of a body, outer ones first. */
export function visit(
  body: readonly Statement[],
  see: { statement?: (s: Statement) => void; expr?: (x: Expr) => void },
): void {
  const down = (x: Expr): void => {
    see.expr?.(x);
    for (const child of childrenOf(x)) down(child);
  };
  for (const s of body) {
    see.statement?.(s);
    if ("value" in s) down(s.value);
    if (s.kind === "mma") for (const x of [...s.a, ...s.b]) down(x);
    if ("condition" in s) down(s.condition);
    if ("body" in s) visit(s.body, see);
  }
}

/** The same statements with other expressions and buffers. */
export function mapBody(
  body: readonly Statement[],
  of: (x: Expr) => Expr,
  bufferOf: (buffer: Buffer) => Buffer = (b) => b,
): Statement[] {
  return body.map((s): Statement => {
    switch (s.kind) {
      case "for":
        return { ...s, body: mapBody(s.body, of, bufferOf) };
      case "if":
        return { ...s, condition: of(s.condition), body: mapBody(s.body, of, bufferOf) };
      case "store":
        return { ...s, buffer: bufferOf(s.buffer), value: of(s.value) };
      case "mma":
        return { ...s, a: s.a.map(of), b: s.b.map(of) };
      case "barrier":
      case "commit":
      case "wait":
        return s;
      default:
        return { ...s, value: of(s.value) };
    }
  });
}

/** The buffers of the device that a body uses, in the order of their first use, and those that it writes. */
export function buffersOf(body: readonly Statement[]): { buffers: readonly Buffer[]; writes: ReadonlySet<Buffer> } {
  const buffers = new Set<Buffer>();
  const writes = new Set<Buffer>();
  visit(body, {
    expr: (x) => {
      if (x.kind === "load" && x.buffer.space === "device") buffers.add(x.buffer);
    },
    statement: (s) => {
      if (s.kind !== "store" || s.buffer.space !== "device") return;
      buffers.add(s.buffer);
      writes.add(s.buffer);
    },
  });
  return { buffers: [...buffers], writes };
}
