import { TimmcError } from "../../ir/error.ts";
import type { Pair } from "../layers/conv.ts";
import { stagewise } from "../schema.ts";
import type { SwinConfig } from "./config.ts";

/** The window that every stage asks for. Two numbers are one window, [height, width], for all. */
export function windows({ window_size: size, depths }: SwinConfig): readonly Pair[] {
  const square = (v: number | Pair): Pair => (typeof v === "number" ? [v, v] : v);
  if (typeof size === "number" || size.length !== 2) return stagewise<number | Pair>(size, depths.length).map(square);
  const [h, w] = size.flat();
  return depths.map(() => [h ?? 1, w ?? 1]);
}

/** Height and width of a stage's map by the constructor's count: the patches of img_size, halved and rounded down. */
export function resolution({ img_size, patch_size }: Pick<SwinConfig, "img_size" | "patch_size">, stage: number): Pair {
  const along = (extent: number): number => Math.floor(Math.floor(extent / patch_size) / 2 ** stage);
  const size: Pair = [along(img_size[0]), along(img_size[1])];
  if (Math.min(...size) < 1)
    throw new TimmcError("unsupported", `img_size ${img_size.join("x")} leaves stage ${stage} without tokens`, {
      hint: "choose a larger img_size",
    });
  return size;
}

/** What decides on the windows of a block. */
export interface WindowPlace {
  /** Height and width of the map, as the constructor counts them from img_size. */
  readonly resolution: Pair;
  /** The window that the stage asks for. */
  readonly window: Pair;
  /** Whether the windows move by half their size. */
  readonly shifted: boolean;
}

/** A window larger than the map shrinks to it and then does not move, unless always_partition. */
export function windowAndShift(
  { always_partition }: Pick<SwinConfig, "always_partition">,
  p: WindowPlace,
): { readonly window: Pair; readonly shift: Pair } {
  const along = (axis: 0 | 1): { window: number; shift: number } => {
    const target = p.window[axis];
    const shift = p.shifted ? Math.floor(target / 2) : 0;
    const whole = !always_partition && p.resolution[axis] <= target;
    return whole ? { window: p.resolution[axis], shift: 0 } : { window: target, shift };
  };
  const [rows, columns] = [along(0), along(1)];
  return { window: [rows.window, columns.window], shift: [rows.shift, columns.shift] };
}
