import type { HeadConv, Level, SelecSlsConfig } from "./config.ts";

const head = (first: number, last: readonly HeadConv[]): readonly HeadConv[] => [[first, 3, 2], [1024, 3, 1], ...last];

/** The narrower classifier of the variants b, and the wide one. */
const narrow: readonly HeadConv[] = [
  [1280, 3, 2],
  [1024, 1, 1],
];
const wide: readonly HeadConv[] = [
  [1024, 3, 2],
  [1280, 1, 1],
];

const repeat = (n: number, width: number, last: number): readonly number[] => [...Array<number>(n).fill(width), last];

const levels42: readonly Level[] = [
  { mid: 64, outs: [64, 128] },
  { mid: 144, outs: [144, 288] },
  { mid: 304, outs: [304, 480] },
];
const levels60: readonly Level[] = [
  { mid: 64, outs: [64, 128] },
  { mid: 128, outs: repeat(2, 128, 288) },
  { mid: 288, outs: repeat(3, 288, 416) },
];
const levels84: readonly Level[] = [
  { mid: 64, outs: [64, 144] },
  { mid: 144, outs: repeat(4, 144, 304) },
  { mid: 304, outs: repeat(5, 304, 512) },
];

/** A row per architecture: table 1 of the supplement. */
export const variants: Readonly<Record<string, Partial<SelecSlsConfig>>> = {
  selecsls42: { design: { levels: levels42, head: head(960, wide) } },
  selecsls42b: { design: { levels: levels42, head: head(960, narrow) } },
  selecsls60: { design: { levels: levels60, head: head(756, wide) } },
  selecsls60b: { design: { levels: levels60, head: head(756, narrow) } },
  selecsls84: {
    design: {
      levels: levels84,
      head: head(960, [
        [1024, 3, 2],
        [1280, 3, 1],
      ]),
    },
  },
};
