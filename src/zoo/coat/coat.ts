/** CoaT: Xu et al. 2021, "Co-scale conv-attentional image transformers" (arXiv:2104.06399). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { fixed, refuseFixed } from "../fixed.ts";
import { type GroupRule, blockGroup } from "../groups.ts";
import { fullyConnected } from "../layers/classifier.ts";
import type { Pair } from "../layers/conv.ts";
import { layerNorm } from "../layers/norm.ts";
import { patchEmbed, toMap } from "../layers/patch-embed.ts";
import { poolTokens } from "../layers/token-head.ts";
import { dropTokens } from "../layers/tokens.ts";
import { drop } from "../remap/steps.ts";
import type { Remap, Target } from "../remap/remap.ts";
import type { Module, Scope } from "../scope.ts";
import { convPositions } from "./attention.ts";
import { coatNorm, parallelBlock, parallelStages, serialBlock } from "./blocks.ts";
import { type CoatConfig, type StageNumber, args, refuse, stageNumbers } from "./config.ts";

type Row = Partial<CoatConfig>;

/** The image or map that a stage cuts into patches, by the constructor's count. */
const sizeBefore = ({ img_size: [h, w] }: CoatConfig, stage: StageNumber): Pair => {
  const divisor = stage === 1 ? 1 : 2 ** stage;
  return [Math.floor(h / divisor), Math.floor(w / divisor)];
};

const patchOf = (c: CoatConfig, stage: StageNumber): number => (stage === 1 ? c.patch_size : 2);

const gridOf = (c: CoatConfig, stage: StageNumber): Pair => {
  const [h, w] = sizeBefore(c, stage);
  const patch = patchOf(c, stage);
  return [Math.floor(h / patch), Math.floor(w / patch)];
};

function serialStage(s: Scope, map: Value, c: CoatConfig, stage: StageNumber): Value {
  const width = c.embed_dims[stage - 1] ?? 1;
  const patch = patchOf(c, stage);
  const embed = patchEmbed({ patch: [patch, patch], width, norm: layerNorm(1e-5), size: sizeBefore(c, stage) });
  const patches = s.call(`patch_embed${stage}`, embed, map);
  const batch = map.type.shape[0] ?? 1;
  const token = s.expand(s.param(`cls_token${stage}`, [1, 1, width]), { shape: [batch, 1, width] });
  const block = serialBlock(c, s, stage, gridOf(c, stage));
  const blocks: Module = (t, y) =>
    t.sequence(
      y,
      Array.from({ length: c.serial_depths[stage - 1] ?? 0 }, () => block),
    );
  return s.call(`serial_blocks${stage}`, blocks, s.concat([token, patches], { axis: 1 }));
}

/** Tokens of the last three stages after the parallel blocks, or of the last one alone. */
function encode(s: Scope, image: Value, c: CoatConfig): readonly Value[] {
  const tokens: Value[] = [];
  let map = image;
  for (const stage of stageNumbers) {
    const x = serialStage(s, map, c, stage);
    tokens.push(x);
    map = toMap(s, dropTokens(s, x, 1), gridOf(c, stage));
  }
  const [, two = image, three = image, four = image] = tokens;
  if (c.parallel_depth === 0) return [s.call("norm4", coatNorm, four)];
  const grids = { 2: gridOf(c, 2), 3: gridOf(c, 3), 4: gridOf(c, 4) } as const;
  let xs: Readonly<Record<2 | 3 | 4, Value>> = { 2: two, 3: three, 4: four };
  for (let i = 0; i < c.parallel_depth; i++) {
    const placed = (stage: 2 | 3 | 4): Value => s.call(`cpe${stage}`, convPositions(grids[stage]), xs[stage]);
    const all = { 2: placed(2), 3: placed(3), 4: placed(4) };
    xs = parallelBlock(s.at(`parallel_blocks.${i}`), all, c, s, grids);
  }
  return parallelStages.map((stage) => s.call(`norm${stage}`, coatNorm, xs[stage]));
}

/** timm's Conv1d with one tap over the three pooled tokens. */
const aggregate: Module = (s, x) => {
  const [n = 1, , width = 1] = x.type.shape;
  const weight = s.reshape(s.param("weight", [1, 3, 1]), { shape: [1, 3] });
  const bias = s.param("bias", [1]);
  return s.reshape(s.add(s.matmul(weight, x), bias), { shape: [n, width] });
};

function pooled(s: Scope, features: readonly Value[], c: CoatConfig): Value {
  const tokens = features.map((x) => poolTokens(s, x, c.global_pool));
  const [only] = tokens;
  if (only !== undefined && tokens.length === 1) return only;
  const rows = tokens.map((x) => s.reshape(x, { shape: [x.type.shape[0] ?? 1, 1, x.type.shape[1] ?? 1] }));
  return s.call("aggregate", aggregate, s.concat(rows, { axis: 1 }));
}

/** timm's order: each stage's stem before its blocks, then the parallel blocks. */
function groups(c: CoatConfig): readonly GroupRule[] {
  let next = 0;
  const rules = stageNumbers.flatMap((stage): GroupRule[] => {
    const stem = blockGroup(new RegExp(`cls_token${stage}|patch_embed${stage}|crpe${stage}|cpe${stage}`), next);
    const blocks: GroupRule = { group: "blocks", match: new RegExp(`serial_blocks${stage}\\.(\\d+)`), add: next + 1 };
    next += 1 + (c.serial_depths[stage - 1] ?? 0);
    return [stem, blocks];
  });
  const parallel: GroupRule = { group: "blocks", match: /parallel_blocks\.(\d+)/, add: next };
  return [...rules, parallel, blockGroup(/norm|aggregate/, "last")];
}

const lacks =
  (name: string) =>
  (target: Target): boolean =>
    !target.has(name);

const remap = (): Remap => ({
  layouts: [],
  tail: [
    drop(/^norm1/, "a norm of the detection model"),
    ...(["norm2", "norm3", "aggregate", "head"] as const).map((part) =>
      drop(new RegExp(`^${part}`), "a part that the model does not have", lacks(`${part}.weight`)),
    ),
  ],
});

const full = (width: number, last: number): Row => ({
  patch_size: 4,
  embed_dims: [width, last, last, last],
  serial_depths: [2, 2, 2, 2],
  parallel_depth: 6,
});
const lite: Row = { patch_size: 4, serial_depths: [2, 2, 2, 2], mlp_ratios: [8, 8, 4, 4] };
const medium: Row = { patch_size: 4, embed_dims: [128, 256, 320, 512], serial_depths: [3, 6, 10, 8] };

export default defineFamily({
  name: "coat",
  paper: "https://arxiv.org/abs/2104.06399",
  args,
  variants: {
    coat_tiny: full(152, 152),
    coat_mini: full(152, 216),
    coat_small: fixed(full(152, 320)),
    coat_lite_tiny: { ...lite, embed_dims: [64, 128, 256, 320] },
    coat_lite_mini: lite,
    coat_lite_small: { ...lite, serial_depths: [3, 4, 6, 3] },
    coat_lite_medium: medium,
    coat_lite_medium_384: { ...medium, img_size: [384, 384] },
  },
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  fixedSize: () => "patch_embed1 to patch_embed4 take the maps of img_size alone, and the blocks count on their grids",
  groups: (_, c) => groups(c),
  remap,
  build: (s, image, c) => {
    const features = encode(s, image, c);
    const preLogits = pooled(s, features, c);
    const logits = s.chain(preLogits, { head: fullyConnected(c.num_classes) });
    return { forwardFeatures: features, preLogits: [preLogits], logits: [logits], stages: [], format: "NLC" };
  },
});
