/** Xception: Chollet 2016 (arXiv:1610.02357), as Cadene ported it. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { maxPool } from "../layers/pool.ts";
import { dropRates } from "../schema.ts";
import type { Module } from "../scope.ts";

const args = { ...commonArgs, drop_rate: dropRates.drop_rate, global_pool: globalPool() };

const relu = act("relu");
const normalise = batchNorm();

const separable =
  (out: number): Module =>
  (s, x) =>
    s.chain(x, { conv1: depthwise({ kernel: 3 }), pointwise: conv2d(out) });

interface Block {
  /** Channels of the separable convolutions. */
  readonly outs: readonly number[];
  readonly stride: number;
  /** Without an activation before the first one. */
  readonly bare?: boolean;
}

/** Fig. 5: separable convolutions behind activations, a max pool for the stride, and a shortcut. */
const block =
  ({ outs, stride, bare = false }: Block, layers: Value[]): Module =>
  (s, x) => {
    const all = outs.flatMap((out) => [relu, separable(out), normalise]);
    const pool = stride === 1 ? [] : [maxPool(3, { stride, padding: 1 })];
    const y = s.call("rep", noting([...(bare ? all.slice(1) : all), ...pool], layers), x);
    const out = outs.at(-1) ?? 0;
    const changes = stride !== 1 || x.type.shape[1] !== out;
    return s.add(y, changes ? s.chain(x, { skip: conv2d(out, { stride }), skipbn: normalise }) : x);
  };

const blocks: readonly Block[] = [
  { outs: [128, 128], stride: 2, bare: true },
  { outs: [256, 256], stride: 2 },
  { outs: [728, 728], stride: 2 },
  ...Array.from({ length: 8 }, (): Block => ({ outs: [728, 728, 728], stride: 1 })),
  { outs: [728, 1024], stride: 2 },
];

/** Blocks whose first activation is a feature. */
const ends = [2, 3, 12];

export default defineFamily({
  name: "xception",
  paper: "https://arxiv.org/abs/1610.02357",
  args,
  variants: { legacy_xception: {} },
  refuse: refuseUnpooled,
  groups: () => [stemGroup(/conv[12]|bn[12]/), blockGroup(/block(\d+)/), blockGroup(/conv[34]|bn[34]/, 99)],
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const note = (module: string, value: Value): void => {
      stages.push({ module, value, reduction: 2 ** (stages.length + 1), format: "NCHW" });
    };
    const first = conv2d(32, { kernel: 3, stride: 2, padding: 0 });
    const second = conv2d(64, { kernel: 3, padding: 0 });
    let x = s.chain(input, { conv1: first, bn1: normalise, act1: relu, conv2: second, bn2: normalise, act2: relu });
    note("act2", x);
    for (const [i, design] of blocks.entries()) {
      const layers: Value[] = [];
      x = s.call(`block${i + 1}`, block(design, layers), x);
      const [active] = layers;
      if (active !== undefined && ends.includes(i + 1)) note(`block${i + 1}.rep.0`, active);
    }
    x = s.chain(x, { conv3: separable(1536), bn3: normalise, act3: relu });
    x = s.chain(x, { conv4: separable(2048), bn4: normalise, act4: relu });
    note("act4", x);
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
