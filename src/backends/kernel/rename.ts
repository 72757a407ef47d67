import { type Buffer, type Expr, load } from "./expr.ts";
import { rebuild } from "./rebuild.ts";
import { type ThreadKernel, mapBody } from "./thread.ts";

/** The same kernel with its buffers named by their bindings, so that kernels of one shape have one text. */
export function renamed(kernel: ThreadKernel): ThreadKernel {
  const names = new Map(kernel.buffers.map((b, i) => [b, { ...b, name: `b${i}` }]));
  const of = (x: Expr): Expr => {
    if (x.kind !== "load") return rebuild(x, of);
    const mask = x.mask === undefined ? undefined : of(x.mask);
    return load(names.get(x.buffer) ?? x.buffer, x.index, mask, x.lanes, x.dtype);
  };
  const buffers = kernel.buffers.map((b): Buffer => names.get(b) ?? b);
  const writes = new Set([...kernel.writes].map((b) => names.get(b) ?? b));
  return { ...kernel, buffers, writes, body: mapBody(kernel.body, of, (b) => names.get(b) ?? b) };
}
