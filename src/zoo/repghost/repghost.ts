/** RepGhost: Chen et al. 2022 (arXiv:2211.06088), GhostNet's network with sums instead of concatenations. */
import { defineFamily } from "../define-family.ts";
import {
  type GhostPlace,
  type GhostRow,
  buildGhostNetwork,
  ghostArgs,
  ghostGroups,
  ghostShortcut,
  ghostSqueezeExcite,
  refuseGhost,
} from "../ghostnet/network.ts";
import { act } from "../layers/act.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { bool } from "../schema.ts";
import type { Module } from "../scope.ts";

const stages: readonly (readonly GhostRow[])[] = [
  [[3, 8, 16, 0, 1]],
  [[3, 24, 24, 0, 2]],
  [[3, 36, 24, 0, 1]],
  [[5, 36, 40, 0.25, 2]],
  [[5, 60, 40, 0.25, 1]],
  [[3, 120, 80, 0, 2]],
  [
    [3, 100, 80, 0, 1],
    [3, 120, 80, 0, 1],
    [3, 120, 80, 0, 1],
    [3, 240, 112, 0.25, 1],
    [3, 336, 112, 0.25, 1],
  ],
  [[5, 336, 160, 0.25, 2]],
  [
    [5, 480, 160, 0, 1],
    [5, 480, 160, 0.25, 1],
    [5, 480, 160, 0, 1],
    [5, 480, 160, 0.25, 1],
  ],
];

/** Fig. 4 (e): a 1x1 convolution, and a depthwise one added to its own (normalised) input. */
const repGhostModule =
  (out: number, { relu, reparam }: { readonly relu: boolean; readonly reparam: boolean }): Module =>
  (s, x) => {
    const active = relu ? act("relu") : undefined;
    const y = s.call("primary_conv", (t, z) => t.sequence(z, [conv2d(out), batchNorm(), active]), x);
    const cheap = s.call("cheap_operation", (t, z) => t.sequence(z, [depthwise({ kernel: 3 }), batchNorm()]), y);
    const sum = reparam
      ? s.add(
          cheap,
          s.call("fusion_bn", (t, z) => t.sequence(z, [batchNorm()]), y),
        )
      : cheap;
    return s.chain(sum, { relu: active });
  };

const block =
  (reparam: boolean) =>
  (p: GhostPlace): Module =>
  (s, x) => {
    const strides = p.stride > 1;
    const padding = Math.floor((p.kernel - 1) / 2);
    const y = s.chain(x, {
      ghost1: repGhostModule(p.mid, { relu: true, reparam }),
      conv_dw: strides ? depthwise({ kernel: p.kernel, stride: p.stride, padding }) : undefined,
      bn_dw: strides ? batchNorm() : undefined,
      se: ghostSqueezeExcite(p),
      ghost2: repGhostModule(p.out, { relu: false, reparam }),
    });
    return s.add(y, s.call("shortcut", ghostShortcut(p), x));
  };

const row = (width: number) => ({ width });

export default defineFamily({
  name: "repghost",
  paper: "https://arxiv.org/abs/2211.06088",
  args: {
    ...ghostArgs,
    reparam: bool(true, "a parallel batch norm in every module, which a converted network lacks"),
  },
  variants: {
    repghostnet_050: row(0.5),
    repghostnet_058: row(0.58),
    repghostnet_080: row(0.8),
    repghostnet_100: row(1),
    repghostnet_111: row(1.11),
    repghostnet_130: row(1.3),
    repghostnet_150: row(1.5),
    repghostnet_200: row(2),
  },
  refuse: refuseGhost,
  groups: ghostGroups,
  build: (s, input, c) => buildGhostNetwork(s, input, c, { stages, block: block(c.reparam), lastFactor: 2 }),
});
