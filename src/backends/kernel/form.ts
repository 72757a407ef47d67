import { type Buffer, type Expr, load, reduce } from "./expr.ts";
import { rebuild } from "./rebuild.ts";
import type { TileKernel, TileStatement } from "./tile.ts";

/** A kernel without the names of its tensors: kernels of one form are lowered and printed once. */
export interface Form {
  /** Equal keys are equal kernels, up to their buffers. */
  readonly key: string;
  readonly tile: TileKernel;
  /** The tensors that the form's buffers stand for. */
  readonly buffers: ReadonlyMap<Buffer, Buffer>;
}

export function formOf(tile: TileKernel): Form {
  const names = new Map<Buffer, Buffer>();
  const own = withBuffers({ ...tile, name: "" }, (buffer) => {
    const known = names.get(buffer) ?? { ...buffer, name: `k${names.size}` };
    names.set(buffer, known);
    return known;
  });
  const axes = own.axes.map((axis) => `${axis.name}:${axis.extent}`).join(" ");
  const memory = [...names.values()].map((b) => `${b.name}:${b.storage}:${b.length}`).join(" ");
  const key = [axes, memory, ...own.body.map(keyOf)].join("\n");
  return { key, tile: own, buffers: new Map([...names].map(([from, to]) => [to, from])) };
}

function keyOf(s: TileStatement): string {
  switch (s.kind) {
    case "let":
      return `${s.local.name}:${s.local.dtype}[${s.local.axes.map((a) => a.name).join()}] = ${s.value.key}`;
    case "store":
      return `${s.buffer.name}[${s.index.key}] = ${s.value.key}`;
    case "loop": {
      const carried = s.carried.map(({ local, init, next }) => `${local.name} = ${init.key} then ${next.key}`);
      return `loop ${s.axis.name}:${s.axis.extent} (${carried.join("; ")})\n${s.body.map(keyOf).join("\n")}\nend`;
    }
  }
}

/** The same kernel on other memory. */
export function withBuffers(tile: TileKernel, to: (buffer: Buffer) => Buffer): TileKernel {
  const known = new Map<Expr, Expr>();
  const of = (x: Expr): Expr => {
    const found = known.get(x) ?? rewritten(x, of, to);
    known.set(x, found);
    return found;
  };
  const statement = (s: TileStatement): TileStatement => {
    switch (s.kind) {
      case "let":
        return { ...s, value: of(s.value) };
      case "store":
        return { ...s, value: of(s.value), buffer: to(s.buffer) };
      case "loop": {
        const carried = s.carried.map((c) => ({ ...c, init: of(c.init), next: of(c.next) }));
        return { ...s, carried, body: s.body.map(statement) };
      }
    }
  };
  return { ...tile, body: tile.body.map(statement) };
}

function rewritten(x: Expr, of: (part: Expr) => Expr, to: (buffer: Buffer) => Buffer): Expr {
  if (x.kind === "reduce") return reduce(x.op, x.axes, of(x.x));
  if (x.kind !== "load") return rebuild(x, of);
  return load(to(x.buffer), x.index, x.mask === undefined ? undefined : of(x.mask), x.lanes, x.dtype);
}
