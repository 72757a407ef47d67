import { makeDivisible, roundHalfEven } from "../layers/rounding.ts";
import type { RegNetConfig } from "./config.ts";

export interface StageShape {
  readonly depth: number;
  readonly width: number;
  readonly groupSize: number;
}

const quantum = 8;

/**
 * Stages of the design space: u_j = w0 + wa j for block j (eq. 2), s_j with u_j = w0 wm^s_j (eq. 3), rounded, and back to
 * a width (eq. 4), in the single precision in which timm computes it. Blocks of one width are a stage.
 */
export function stageShapes(c: RegNetConfig): StageShape[] {
  const f = Math.fround;
  const [w0, wa, wm] = [f(c.w0), f(c.wa), f(c.wm)];
  const counts = new Map<number, number>();
  for (let j = 0; j < c.depth; j++) {
    const u = f(f(j * wa) + w0);
    const s = roundHalfEven(f(f(Math.log(f(u / w0))) / f(Math.log(c.wm))));
    const width = Math.trunc(f(roundHalfEven(f(f(w0 * f(wm ** s)) / quantum)) * quantum));
    counts.set(width, (counts.get(width) ?? 0) + 1);
  }
  const stages = [...counts].sort(([a], [b]) => a - b);
  return stages.map(([width, depth]) => ({ depth, ...compatible(width, c) }));
}

/** The nearest width whose bottleneck is whole groups. */
function compatible(wanted: number, c: RegNetConfig): Omit<StageShape, "depth"> {
  const bottleneck = Math.trunc(wanted * c.bottle_ratio);
  const groupSize = Math.min(c.group_size, bottleneck);
  const whole =
    c.group_min_ratio === 0
      ? roundHalfEven(bottleneck / groupSize) * groupSize
      : makeDivisible(bottleneck, groupSize, c.group_min_ratio);
  return { width: Math.trunc(whole / c.bottle_ratio), groupSize };
}
