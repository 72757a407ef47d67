import type { Buffer, Expr, Local } from "./expr.ts";
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
  | { readonly kind: "store"; readonly buffer: Buffer; readonly index: Index; readonly value: Expr }
  /** All threads of the workgroup meet here, and see what any of them wrote before. Never inside an `if`. */
  | { readonly kind: "barrier" };

export const threadVariable = "thread";
export const blockVariables = ["block.x", "block.y", "block.z"] as const;
