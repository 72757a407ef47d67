import { type Buffer, type Expr, load } from "./expr.ts";
import { rebuild } from "./rebuild.ts";
import type { Statement, ThreadKernel } from "./thread.ts";

/** The same kernel with its buffers named by their bindings, so that kernels of one shape have one text. */
export function renamed(kernel: ThreadKernel): ThreadKernel {
  const names = new Map(kernel.buffers.map((b, i) => [b, { ...b, name: `b${i}` }]));
  const of = (x: Expr): Expr => {
    if (x.kind !== "load") return rebuild(x, of);
    const mask = x.mask === undefined ? undefined : of(x.mask);
    return load(names.get(x.buffer) ?? x.buffer, x.index, mask, x.lanes);
  };
  const statement = (s: Statement): Statement => {
    switch (s.kind) {
      case "for":
        return { ...s, body: s.body.map(statement) };
      case "if":
        return { ...s, condition: of(s.condition), body: s.body.map(statement) };
      case "store":
        return { ...s, buffer: names.get(s.buffer) ?? s.buffer, value: of(s.value) };
      case "barrier":
        return s;
      default:
        return { ...s, value: of(s.value) };
    }
  };
  const buffers = kernel.buffers.map((b): Buffer => names.get(b) ?? b);
  const writes = new Set([...kernel.writes].map((b) => names.get(b) ?? b));
  return { ...kernel, buffers, writes, body: kernel.body.map(statement) };
}
