import { makeDivisible, roundHalfEven } from "../layers/rounding.ts";
import type { RexNetConfig } from "./config.ts";

export interface Block {
  readonly out: number;
  readonly expansion: number;
  readonly stride: number;
  readonly seRatio: number;
  /** Of the block's own convolution, and of those after it. */
  readonly dilation: readonly [own: number, next: number];
}

/** The block whose output is a feature, -1 for the stem, and the input pixels per pixel there. */
export interface End {
  readonly block: number;
  readonly reduction: number;
}

/** Blocks and stride of each stage. */
const designed = [
  [1, 1],
  [2, 2],
  [2, 2],
  [3, 2],
  [3, 1],
  [5, 2],
] as const;

/** Table 1: the width grows linearly with the block's index; the first stage does not expand, two have no squeeze-excite. */
export function planBlocks(c: RexNetConfig): { readonly blocks: readonly Block[]; readonly ends: readonly End[] } {
  const stages = designed.map(([depth, stride]) => ({ depth: Math.ceil(depth * c.depth_mult), stride }));
  const depth = stages.reduce((sum, stage) => sum + stage.depth, 0);
  const ends: End[] = [];
  const blocks: Block[] = [];
  let base = c.width_mult < 1 ? c.initial_chs / c.width_mult : c.initial_chs;
  let reduction = 2;
  let dilation = 1;
  for (const [i, stage] of stages.entries())
    for (let j = 0; j < stage.depth; j++) {
      const wanted = j === 0 ? stage.stride : 1;
      if (wanted > 1) ends.push({ block: blocks.length - 1, reduction });
      const spreads = wanted > 1 && reduction >= c.output_stride;
      const next = spreads ? dilation * wanted : dilation;
      const stride = spreads ? 1 : wanted;
      const out = makeDivisible(roundHalfEven(base * c.width_mult), c.ch_div);
      const seRatio = i < 2 ? 0 : c.se_ratio;
      blocks.push({ out, stride, seRatio, expansion: i === 0 ? 1 : 6, dilation: [dilation, next] });
      base += c.final_chs / depth;
      reduction *= stride;
      dilation = next;
    }
  return { blocks, ends: [...ends, { block: blocks.length - 1, reduction }] };
}
