/** Sequencer: Tatsunami and Taki 2022 (arXiv:2205.01972). Maps are NHWC. */
import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, firstStages } from "../family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import type { Module, Scope } from "../scope.ts";
import { type SequencerConfig, args, refuse } from "./config.ts";
import { lstm } from "./lstm.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const norm = layerNorm(1e-6);

/** A convolution of windows side by side, called by name, from NCHW to NHWC. What is left at the border is not read. */
const patches = (s: Scope, x: Value, name: string, out: number, size: number): Value =>
  s.transpose(s.call(name, conv2d(out, { kernel: size, stride: size, padding: 0, bias: true }), x), {
    perm: [0, 2, 3, 1],
  });

/** Every row of [N, H, W, C] as a sequence. */
function alongRows(s: Scope, x: Value, name: string, rnn: Module): Value {
  const [n = 1, h = 1, w = 1, c = 1] = x.type.shape;
  const y = s.call(name, rnn, s.reshape(x, { shape: [mulDim(n, h), w, c] }));
  return s.reshape(y, { shape: [n, h, w, y.type.shape[2] ?? 1] });
}

const swapAxes = (s: Scope, x: Value): Value => s.transpose(x, { perm: [0, 2, 1, 3] });

/** BiLSTM2D (algorithm 1): LSTMs along the columns and along the rows, whose union a linear layer mixes. */
const lstm2d =
  (c: SequencerConfig, hidden: number): Module =>
  (s, x) => {
    const width = s.features(x);
    const rnn = lstm({ hidden, layers: c.num_rnn_layers, bidirectional: c.bidirectional });
    const vertical = (): Value => swapAxes(s, alongRows(s, swapAxes(s, x), "rnn_v", rnn));
    const horizontal = (): Value => alongRows(s, x, "rnn_h", rnn);
    const unions: { readonly [K in SequencerConfig["union"]]: () => Value } = {
      cat: () => s.concat([vertical(), horizontal()], { axis: -1 }),
      add: () => s.add(vertical(), horizontal()),
      vertical,
      horizontal,
    };
    return s.chain(unions[c.union](), { fc: c.with_fc ? linear(width) : undefined });
  };

/** Figure 3: as a transformer's block, with LSTMs for attention. */
const block =
  (c: SequencerConfig, hidden: number, ratio: number): Module =>
  (s, x) => {
    const width = s.features(x);
    const y = s.add(x, s.chain(x, { norm1: norm, rnn_tokens: lstm2d(c, hidden) }));
    // A width of 0 is none, for which timm's MLP takes that of its input.
    return s.add(y, s.chain(y, { norm2: norm, mlp_channels: mlp(Math.trunc(ratio * width) || width) }));
  };

/** From the second one on, a stage merges positions first. */
const stage =
  (c: SequencerConfig, i: number): Module =>
  (s, x) => {
    const downsample: Module = (t, y) =>
      patches(t, t.transpose(y, { perm: [0, 3, 1, 2] }), "down", c.embed_dims[i] ?? 0, c.patch_sizes[i] ?? 1);
    const one = block(c, c.hidden_sizes[i] ?? 0, c.mlp_ratios[i] ?? 0);
    return s.chain(x, {
      downsample: i > 0 ? downsample : undefined,
      blocks: (t, y) => t.sequence(y, Array<Module>(c.layers[i] ?? 0).fill(one)),
    });
  };

export default defineFamily({
  name: "sequencer",
  paper: "https://arxiv.org/abs/2205.01972",
  args,
  variants,
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+)\.blocks\.(\d+)/), blockGroup(/stages\.(\d+)\.downsample/, "first")]),
    blockGroup(/norm/, "last"),
  ],
  remap: () => remap,
  build: (s, image, c) => {
    const stem: Module = (t, x) =>
      t.chain(patches(t, x, "proj", c.embed_dims[0] ?? 0, c.patch_sizes[0] ?? 1), {
        norm: c.stem_norm ? norm : undefined,
      });
    const outputs: Stage[] = [];
    let reduction = 1;
    const stages: Module = (t, embedded) =>
      c.patch_sizes.reduce((x, size, i) => {
        const value = t.call(i, stage(c, i), x);
        reduction *= size;
        outputs.push({ module: `stages.${i}`, value, reduction, format: "NHWC" });
        return value;
      }, embedded);
    const features = s.chain(image, { stem, stages, norm });
    const head = callHead(
      s,
      "head",
      classifierHead({ classes: c.num_classes, pool: c.global_pool, format: "NHWC" }),
      features,
    );
    return {
      forwardFeatures: [features],
      preLogits: [head.preLogits],
      logits: [head.logits],
      stages: outputs,
      defaultStages: firstStages(3, outputs),
      format: "NHWC",
    };
  },
});
