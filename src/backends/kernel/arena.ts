/** A tensor of a run: its bytes, and the first and the last step that need them, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Where tensors lie in one memory. */
export interface Arena {
  /** For each tensor, in bytes. */
  readonly offsets: readonly number[];
  readonly bytes: number;
  /** The most that is alive at one step: no arena is smaller. */
  readonly lowerBound: number;
}

/**
 * Lays tensors into one memory so that two that live at one step never overlap. Each order of placing puts a tensor at the
 * lowest place that is free for all its life; of a few orders the smallest memory is kept. (To find the least one is
 * NP-hard; by size and by area are the orders of Pisarchyk and Lee 2020, and one of them mostly meets the bound.)
 */
export function planArena(tensors: readonly Lifetime[], alignment: number): Arena {
  const sized = tensors.map((t) => ({ ...t, bytes: Math.ceil(t.bytes / alignment) * alignment }));
  const span = (t: Lifetime): number => t.to - t.from + 1;
  const orders: readonly ((a: Lifetime, b: Lifetime) => number)[] = [
    (a, b) => b.bytes - a.bytes || a.from - b.from,
    (a, b) => b.bytes * span(b) - a.bytes * span(a) || a.from - b.from,
    (a, b) => span(b) - span(a) || b.bytes - a.bytes,
    (a, b) => a.from - b.from || b.bytes - a.bytes,
  ];
  const tried = orders.map((order) => place(sized, order));
  const best = tried.reduce((a, b) => (b.bytes < a.bytes ? b : a));
  return { ...best, lowerBound: lowerBound(sized) };
}

function place(
  tensors: readonly Lifetime[],
  order: (a: Lifetime, b: Lifetime) => number,
): { offsets: readonly number[]; bytes: number } {
  const placed: { readonly tensor: Lifetime; readonly offset: number }[] = [];
  const offsets = tensors.map(() => 0);
  const sorted = tensors.map((tensor, i) => ({ tensor, i })).sort((a, b) => order(a.tensor, b.tensor) || a.i - b.i);
  for (const { tensor, i } of sorted) {
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
