/** The convolutional networks whose maps are cut into patches (Dosovitskiy et al. 2020, section 3.1, hybrid architecture). */
import type { Value } from "../../ir/value.ts";
import type { Model } from "../family.ts";
import { act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import { batchNorm } from "../layers/norm.ts";
import { maxPool } from "../layers/pool.ts";
import { stdConv2d } from "../layers/std-conv.ts";
import resnet from "../resnet/resnet.ts";
import resnetv2 from "../resnetv2/resnetv2.ts";
import type { Module } from "../scope.ts";

export type Backbone =
  /** Big Transfer's ResNet with as many blocks per stage, or its stem alone without any. */
  | { readonly kind: "bit"; readonly layers: readonly number[] }
  | { readonly kind: "resnet"; readonly variant: "resnet26d" | "resnet50d"; readonly layers: readonly number[] }
  /** Three convolutions over patches of patches. */
  | { readonly kind: "patches" };

/** What a backbone's map is of the image. */
interface Reduced {
  readonly module: Module;
  readonly ratio: number;
  readonly rounding: "up" | "down";
  /** Whether its channels are already the tokens'. */
  readonly isTokens: boolean;
}

const same = { eps: 1e-8, padding: "same" } as const;
const withoutHead = { num_classes: 0, global_pool: "" };

const lastOf = (model: Model, fallback: Value): Value => model.forwardFeatures[0] ?? fallback;

/** Post-activated, padded as TensorFlow does it. */
const bit =
  (layers: readonly number[]): Module =>
  (s, x) => {
    const given = { ...withoutHead, layers, preact: false, stem_type: "same", conv_layer: same };
    return lastOf(resnetv2.build(s, x, "resnetv2_50", { ...given, norm_layer: { kind: "groupnorm" } }), x);
  };

const bitStem: Module = (s, x) =>
  s.chain(x, {
    conv: stdConv2d(64, { ...same, kernel: 7, stride: 2 }),
    norm: normAct({ kind: "groupnorm" }, "relu"),
    pool: maxPool(3, { stride: 2, padding: "same" }),
  });

const convPatches: Module = (s, x) => {
  const step =
    (width: number, size: number): Module =>
    (t, y) =>
      t.chain(y, {
        conv: conv2d(width, { kernel: size, stride: size, padding: 0 }),
        bn: (u, z) => u.call("act", act("gelu"), batchNorm()(u, z)),
      });
  const last: Module = (t, y) => t.call("conv", conv2d(768, { kernel: 2, stride: 2, padding: 0, bias: true }), y);
  return s.sequence(x, [step(192, 4), step(192, 2), last]);
};

export function reduced(backbone: Backbone): Reduced {
  switch (backbone.kind) {
    case "bit": {
      const { layers } = backbone;
      const module = layers.length === 0 ? bitStem : bit(layers);
      return { module, ratio: layers.length === 0 ? 4 : 2 ** (layers.length + 1), rounding: "up", isTokens: false };
    }
    case "resnet": {
      const { variant, layers } = backbone;
      const module: Module = (s, x) => lastOf(resnet.build(s, x, variant, { ...withoutHead, layers }), x);
      return { module, ratio: 2 ** (layers.length + 1), rounding: "up", isTokens: false };
    }
    case "patches":
      return { module: convPatches, ratio: 16, rounding: "down", isTokens: true };
    default:
      return backbone satisfies never;
  }
}
