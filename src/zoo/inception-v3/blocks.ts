import { linear } from "../layers/linear.ts";
import { type InceptionConv, halvingPool, keeping, towers } from "../layers/inception.ts";
import { avgPool } from "../layers/pool.ts";
import type { Module } from "../scope.ts";

const row = [1, 7] as const;
const column = [7, 1] as const;
const same = (conv: InceptionConv, out: number, kernel: number | readonly [number, number]): Module =>
  conv(out, kernel, keeping(kernel));

const pooled =
  (conv: InceptionConv, out: number): Module =>
  (s, x) =>
    s.call("branch_pool", conv(out), avgPool(3, { stride: 1, padding: 1 })(s, x));

const single =
  (conv: InceptionConv, out: number): Module =>
  (s, x) =>
    s.call("branch1x1", conv(out), x);

/** Fig. 5 of the paper. */
export const inceptionA = (conv: InceptionConv, poolOut: number): Module =>
  towers([
    single(conv, 64),
    (s, x) => s.chain(x, { branch5x5_1: conv(48), branch5x5_2: same(conv, 64, 5) }),
    (s, x) =>
      s.chain(x, { branch3x3dbl_1: conv(64), branch3x3dbl_2: same(conv, 96, 3), branch3x3dbl_3: same(conv, 96, 3) }),
    pooled(conv, poolOut),
  ]);

export const inceptionB = (conv: InceptionConv): Module =>
  towers([
    (s, x) => s.call("branch3x3", conv(384, 3, { stride: 2 }), x),
    (s, x) =>
      s.chain(x, {
        branch3x3dbl_1: conv(64),
        branch3x3dbl_2: same(conv, 96, 3),
        branch3x3dbl_3: conv(96, 3, { stride: 2 }),
      }),
    halvingPool,
  ]);

/** Fig. 6, with n = 7 and `width` channels inside. */
export const inceptionC = (conv: InceptionConv, width: number): Module =>
  towers([
    single(conv, 192),
    (s, x) =>
      s.chain(x, {
        branch7x7_1: conv(width),
        branch7x7_2: same(conv, width, row),
        branch7x7_3: same(conv, 192, column),
      }),
    (s, x) =>
      s.chain(x, {
        branch7x7dbl_1: conv(width),
        branch7x7dbl_2: same(conv, width, column),
        branch7x7dbl_3: same(conv, width, row),
        branch7x7dbl_4: same(conv, width, column),
        branch7x7dbl_5: same(conv, 192, row),
      }),
    pooled(conv, 192),
  ]);

export const inceptionD = (conv: InceptionConv): Module =>
  towers([
    (s, x) => s.chain(x, { branch3x3_1: conv(192), branch3x3_2: conv(320, 3, { stride: 2 }) }),
    (s, x) =>
      s.chain(x, {
        branch7x7x3_1: conv(192),
        branch7x7x3_2: same(conv, 192, row),
        branch7x7x3_3: same(conv, 192, column),
        branch7x7x3_4: conv(192, 3, { stride: 2 }),
      }),
    halvingPool,
  ]);

/** A row and a column of three beside each other, both on what the tower gives so far. */
const fork = (conv: InceptionConv, name: string): Module =>
  towers([
    (s, x) => s.call(`${name}a`, same(conv, 384, [1, 3]), x),
    (s, x) => s.call(`${name}b`, same(conv, 384, [3, 1]), x),
  ]);

/** Fig. 7. */
export const inceptionE = (conv: InceptionConv): Module =>
  towers([
    single(conv, 320),
    (s, x) => fork(conv, "branch3x3_2")(s, s.chain(x, { branch3x3_1: conv(384) })),
    (s, x) =>
      fork(conv, "branch3x3dbl_3")(s, s.chain(x, { branch3x3dbl_1: conv(448), branch3x3dbl_2: same(conv, 384, 3) })),
    pooled(conv, 192),
  ]);

/** The classifier of the training's second loss. */
export const auxiliary =
  (conv: InceptionConv, classes: number): Module =>
  (s, x) => {
    const y = s.chain(avgPool(5, { stride: 3 })(s, x), { conv0: conv(128), conv1: conv(768, 5) });
    return s.chain(s.reduce_mean(y, { axes: [2, 3] }), { fc: linear(classes) });
  };
