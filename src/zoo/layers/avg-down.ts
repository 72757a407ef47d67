import type { Module } from "../scope.ts";
import { avgPool } from "./pool.ts";

/**
 * The average pool that takes the stride of a shortcut in the D variants of "Bag of Tricks" (arXiv:1812.01187, fig. 2c);
 * a 1x1 convolution follows. Nothing where there is neither stride nor dilation.
 */
export function avgDown(stride: number, dilation: number): Module | undefined {
  if (stride === 1 && dilation === 1) return undefined;
  const step = dilation === 1 ? stride : 1;
  const padding = step === 1 && dilation > 1 ? "same" : 0;
  return avgPool(2, { stride: step, ceil: true, countPad: false, padding });
}
