import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { slownessNote } from "../../../src/frontend/hub/progress.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

/** What is said of a download that brings `step` bytes a second for a minute. */
function saidOf(step: number, total: number): string[] {
  const said: string[] = [];
  const note = slownessNote((text) => said.push(text));
  for (let second = 0; second <= 60; second++) {
    note("model.safetensors", second * step, total);
    vi.advanceTimersByTime(1000);
  }
  return said;
}

it("says once that a download is slow, and nothing of one that ends soon", () => {
  expect(saidOf(1, 6015)).toEqual([
    expect.stringMatching(/^model\.safetensors comes at 1 bytes a second: the rest takes about 100 minutes\./),
  ]);
  expect(saidOf(10_000_000, 4_000_000_000)).toEqual([]);
});
