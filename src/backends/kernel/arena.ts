/** A tensor of a run: its bytes, and the first and the last step that need them, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Where tensors lie in one memory. */
interface Arena {
  /** For each tensor, in bytes. */
  readonly offsets: readonly number[];
  readonly bytes: number;
  /** The most that is alive at one step: no arena is smaller. */
  readonly lowerBound: number;
}

/**
 * Lays tensors into one memory so that two that live at one step never overlap. Each order of placing puts a tensor at the
 * lowest place that is free for all its life; of a few orders the smallest memory is kept. (To find the least one is
 * NP-hard; by size and by area are the orders of Pisarchyk and Lee 2020, and one of them mostly meets the bound.) Where none does,
 * what lies at the end of the memory is placed earlier, again and again.
 */
export function planArena(tensors: readonly Lifetime[], alignment: number): Arena {
  const sized = tensors.map((t) => ({ ...t, bytes: Math.ceil(t.bytes / alignment) * alignment }));
  const span = (t: Lifetime): number => t.to - t.from + 1;
  const least = lowerBound(sized);
  const orders: readonly ((a: Lifetime, b: Lifetime) => number)[] = [
    (a, b) => b.bytes - a.bytes || a.from - b.from,
    (a, b) => b.bytes * span(b) - a.bytes * span(a) || a.from - b.from,
    (a, b) => span(b) - span(a) || b.bytes - a.bytes,
    (a, b) => a.from - b.from || b.bytes - a.bytes,
  ];
  const numbers = sized.map((_, i) => i);
  let best: Placing | undefined;
  for (const order of orders) {
    const sorted = numbers.toSorted((i, j) => order(sized[i] as Lifetime, sized[j] as Lifetime) || i - j);
    const found = improved(sized, sorted, least);
    if (best === undefined || found.bytes < best.bytes) best = found;
    if (best.bytes === least) break;
  }
  return { offsets: best?.offsets ?? [], bytes: best?.bytes ?? 0, lowerBound: least };
}

type Placing = Pick<Arena, "offsets" | "bytes">;

/** How often what lies last is tried earlier. */
const attempts = 24;

function improved(tensors: readonly Lifetime[], order: readonly number[], least: number): Placing {
  let best = place(tensors, order);
  let current = best;
  let sorted = order;
  for (let i = 0; i < attempts && best.bytes > least; i++) {
    const { offsets, bytes } = current;
    const isLast = (n: number): boolean => (offsets[n] ?? 0) + (tensors[n]?.bytes ?? 0) === bytes;
    sorted = [...sorted.filter(isLast), ...sorted.filter((n) => !isLast(n))];
    current = place(tensors, sorted);
    if (current.bytes < best.bytes) best = current;
  }
  return best;
}

function place(tensors: readonly Lifetime[], order: readonly number[]): Placing {
  const placed: { readonly tensor: Lifetime; readonly offset: number }[] = [];
  const offsets = tensors.map(() => 0);
  for (const i of order) {
    const tensor = tensors[i] as Lifetime;
    const taken = placed
      .filter((p) => p.tensor.from <= tensor.to && tensor.from <= p.tensor.to)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const p of taken) {
      if (p.offset - offset >= tensor.bytes) break;
      offset = Math.max(offset, p.offset + p.tensor.bytes);
    }
    offsets[i] = offset;
    placed.push({ tensor, offset });
  }
  const bytes = placed.reduce((end, p) => Math.max(end, p.offset + p.tensor.bytes), 0);
  return { offsets, bytes };
}

function lowerBound(tensors: readonly Lifetime[]): number {
  const changes = new Map<number, number>();
  const change = (step: number, by: number): void => {
    changes.set(step, (changes.get(step) ?? 0) + by);
  };
  for (const { from, to, bytes } of tensors) {
    change(from, bytes);
    change(to + 1, -bytes);
  }
  let alive = 0;
  let most = 0;
  for (const step of [...changes.keys()].sort((a, b) => a - b)) {
    alive += changes.get(step) ?? 0;
    most = Math.max(most, alive);
  }
  return most;
}
