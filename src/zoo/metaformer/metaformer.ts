/**
 * MetaFormers: PoolFormer, Yu et al. 2021 (arXiv:2111.11418); PoolFormer v2, ConvFormer and CAFormer, Yu et al. 2022
 * (2210.13452).
 */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { refuseFixed } from "../fixed.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { callHead, flatten } from "../layers/classifier-head.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { attention } from "../layers/attention.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { channelsLast, groupNorm, layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { avgPool, globalPool2d } from "../layers/pool.ts";
import type { Module, Scope } from "../scope.ts";
import { type MetaFormerConfig, type Mixer, args, at, refuse } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const bare: Module = (s, x) => s.layer_norm(x, s.param("weight", [x.type.shape.at(-1) ?? 0]), undefined, { eps: 1e-6 });
const bareGroup: Module = (s, x) =>
  s.group_norm(x, s.param("weight", [x.type.shape[1] ?? 0]), undefined, { groups: 1, eps: 1e-6 });

const norms = { layer: channelsLast(bare), group: groupNorm(1), group_no_bias: bareGroup } as const;

/** max(x, 0)^2 with a learned scale and shift (2210.13452, eq. 5). */
const starRelu: Module = (s, x) => {
  const positive = s.activation(x, { kind: "relu" });
  return s.add(s.mul(s.param("scale", [1]), s.mul(positive, positive)), s.param("bias", [1]));
};

const squaredRelu: Module = (s, x) => {
  const positive = s.activation(x, { kind: "relu" });
  return s.mul(positive, positive);
};

/** What a position's neighbours have on average more than it. */
const pooling: Module = (s, x) => s.sub(s.call("pool", avgPool(3, { stride: 1, padding: 1, countPad: false }), x), x);

/** The inverted separable convolution of MobileNet V2. */
const sepConv: Module = (s, x) => {
  const width = s.channels(x);
  return s.chain(x, {
    pwconv1: conv2d(2 * width),
    act1: starRelu,
    dwconv: depthwise({ kernel: 7, padding: 3 }),
    pwconv2: conv2d(width),
  });
};

/** Heads of 32 channels, without biases. */
const headsOf32: Module = (s, x) => attention({ heads: s.features(x) / 32, projBias: false })(s, x);

const mixers: { readonly [K in Mixer]: Module } = { pooling, sep_conv: sepConv, attention: headsOf32 };

/** 2111.11418, eq. 2 and 3, with scales on branches and shortcuts. Attention works on tokens, the others on maps. */
const block =
  (c: MetaFormerConfig, stage: number, mixer: Mixer): Module =>
  (s, x) => {
    const tokens = mixer === "attention";
    const width = tokens ? s.features(x) : s.channels(x);
    const scale: Module = (t, y) =>
      t.mul(y, t.reshape(t.param("scale", [width]), { shape: tokens ? [width] : [width, 1, 1] }));
    const branch = typeof at(c.layer_scale_init_values, stage) === "number" ? scale : undefined;
    const shortcut = typeof at(c.res_scale_init_values, stage) === "number" ? scale : undefined;
    const norm = tokens ? bare : norms[c.norm_layers];
    const act = c.mlp_act === "gelu" ? "gelu" : starRelu;
    const feed = mlp(4 * width, { act, bias: c.mlp_bias, conv: !tokens });
    const mixed = s.chain(x, { norm1: norm, token_mixer: mixers[mixer], layer_scale1: branch });
    const y = s.add(s.chain(x, { res_scale1: shortcut }), mixed);
    return s.add(s.chain(y, { res_scale2: shortcut }), s.chain(y, { norm2: norm, mlp: feed, layer_scale2: branch }));
  };

const stageModule =
  (c: MetaFormerConfig, stage: number): Module =>
  (s, x) => {
    const width = c.dims[stage] ?? 1;
    const mixer = at(c.token_mixers, stage) ?? "pooling";
    const down: Module = (t, y) =>
      t.chain(y, {
        norm: c.downsample_norm ? norms.layer : undefined,
        conv: conv2d(width, { kernel: 3, stride: 2, padding: 1, bias: true }),
      });
    const map = s.chain(x, { downsample: x.type.shape[1] === width ? undefined : down });
    const [, , h = 1, w = 1] = map.type.shape;
    const blocks: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.depths[stage] ?? 0 }, () => block(c, stage, mixer)),
      );
    if (mixer !== "attention") return s.call("blocks", blocks, map);
    return toMap(s, s.call("blocks", blocks, toTokens(s, map)), [h, w]);
  };

const stem =
  (c: MetaFormerConfig): Module =>
  (s, x) =>
    s.chain(x, {
      conv: conv2d(c.dims[0] ?? 1, { kernel: 7, stride: 4, padding: 2, bias: true }),
      norm: c.downsample_norm ? norms.layer : undefined,
    });

/** One linear layer, or two with a squared ReLU and a norm between them. */
function classifier(c: MetaFormerConfig): Module | undefined {
  if (c.num_classes === 0) return undefined;
  if (!c.use_mlp_head) return linear(c.num_classes);
  return (s: Scope, x: Value): Value => {
    const width = s.channels(x);
    return s.chain(x, { fc1: linear(4 * width), act: squaredRelu, norm: layerNorm(1e-6), fc2: linear(c.num_classes) });
  };
}

export default defineFamily({
  name: "metaformer",
  paper: "https://arxiv.org/abs/2210.13452",
  args,
  variants,
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  groups: () => [],
  remap: () => remap,
  build: (s, image, c) => {
    const stages: Stage[] = [];
    const all = halvingStages(
      c.depths.map((_, i) => stageModule(c, i)),
      stages,
    );
    const features = s.chain(image, { stem: stem(c), stages: all });
    const head = callHead(
      s,
      "head",
      (t, x) => {
        const preLogits = t.chain(x, {
          global_pool: globalPool2d(c.global_pool, true),
          norm: channelsLast(layerNorm(1e-6)),
          flatten: c.global_pool === "" ? undefined : flatten,
        });
        return { preLogits, logits: t.chain(preLogits, { fc: classifier(c) }) };
      },
      features,
    );
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
