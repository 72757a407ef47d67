/** Memory that jobs share. */
export interface Budget {
  /** Waits until there is room for so many bytes, and gives the way to return them. In the order of asking. */
  take(bytes: number): Promise<() => void>;
}

/**
 * A budget that is never exceeded, but that one job alone always runs: what needs more than everything waits until nobody
 * else has any.
 */
export function budgetOf(bytes: number): Budget {
  const waiting: { readonly bytes: number; readonly start: () => void }[] = [];
  let used = 0;
  let running = 0;
  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (running > 0 && used + next.bytes > bytes) return;
      waiting.shift();
      used += next.bytes;
      running++;
      next.start();
    }
  };
  const give = (amount: number): void => {
    used -= amount;
    running--;
    admit();
  };
  return {
    take: (amount) =>
      new Promise((resolve) => {
        let isHeld = true;
        const release = (): void => {
          if (isHeld) give(amount);
          isHeld = false;
        };
        waiting.push({ bytes: amount, start: () => resolve(release) });
        admit();
      }),
  };
}
