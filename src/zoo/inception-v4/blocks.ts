import { type InceptionConv, branches, halvingPool, keeping, meanPool, towers } from "../layers/inception.ts";
import type { Module } from "../scope.ts";

const row = [1, 7] as const;
const column = [7, 1] as const;
const same = (conv: InceptionConv, out: number, kernel: number | readonly [number, number]): Module =>
  conv(out, kernel, keeping(kernel));
const half = { stride: 2 };

/** A pool and a strided convolution side by side, in the order given. */
const poolAndConv = (conv: InceptionConv, out: number, poolFirst: boolean): Module => {
  const pool: Module = (s, x) => s.call("maxpool", halvingPool, x);
  const strided: Module = (s, x) => s.call("conv", conv(out, 3, half), x);
  return towers(poolFirst ? [pool, strided] : [strided, pool]);
};

/** Fig. 3, the parts behind the first three convolutions. */
export const stemParts = (conv: InceptionConv): Module[] => [
  poolAndConv(conv, 96, true),
  branches([
    [conv(64), conv(96, 3)],
    [conv(64), same(conv, 64, row), same(conv, 64, column), conv(96, 3)],
  ]),
  poolAndConv(conv, 192, false),
];

/** Fig. 4. */
export const inceptionA = (conv: InceptionConv): Module =>
  branches([
    conv(96),
    [conv(64), same(conv, 96, 3)],
    [conv(64), same(conv, 96, 3), same(conv, 96, 3)],
    [meanPool, conv(96)],
  ]);

/** Fig. 7. */
export const reductionA = (conv: InceptionConv): Module =>
  branches([conv(384, 3, half), [conv(192), same(conv, 224, 3), conv(256, 3, half)], halvingPool]);

/** Fig. 5. */
export const inceptionB = (conv: InceptionConv): Module =>
  branches([
    conv(384),
    [conv(192), same(conv, 224, row), same(conv, 256, column)],
    [conv(192), same(conv, 192, column), same(conv, 224, row), same(conv, 224, column), same(conv, 256, row)],
    [meanPool, conv(128)],
  ]);

/** Fig. 8. */
export const reductionB = (conv: InceptionConv): Module =>
  branches([
    [conv(192), conv(192, 3, half)],
    [conv(256), same(conv, 256, row), same(conv, 320, column), conv(320, 3, half)],
    halvingPool,
  ]);

const fork = (conv: InceptionConv, name: string): Module =>
  towers([
    (s, x) => s.call(`${name}a`, same(conv, 256, [1, 3]), x),
    (s, x) => s.call(`${name}b`, same(conv, 256, [3, 1]), x),
  ]);

/** Fig. 6. */
export const inceptionC = (conv: InceptionConv): Module =>
  towers([
    (s, x) => s.call("branch0", conv(256), x),
    (s, x) => fork(conv, "branch1_1")(s, s.chain(x, { branch1_0: conv(384) })),
    (s, x) =>
      fork(conv, "branch2_3")(
        s,
        s.chain(x, {
          branch2_0: conv(384),
          branch2_1: same(conv, 448, [3, 1]),
          branch2_2: same(conv, 512, [1, 3]),
        }),
      ),
    (s, x) => s.call("branch3", (t, y) => t.sequence(y, [meanPool, conv(256)]), x),
  ]);
