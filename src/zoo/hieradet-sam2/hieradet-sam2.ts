/** HieraDet, the image encoder of Segment Anything 2: Ravi et al. 2024 (arXiv:2408.00714), after Hiera (2306.00989). */
import { printDim, sameShape, scaleDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { actLayer } from "../layers/act.ts";
import { channelsLastHead, channelsLastPools } from "../layers/channels-last-head.ts";
import { callHead } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { tiled } from "../layers/tile.ts";
import { tokenNorm, tokenNormLayer } from "../layers/token-norm.ts";
import { mapSize, windowGrid } from "../layers/window.ts";
import { type ConfigOf, dropRates, inert, int, ints, number, oneOf, optional, pair } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { multiScaleBlock } from "./block.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  weight_init: inert("initialisation; no effect at inference"),
  fix_init: inert("initialisation; no effect at inference"),
  head_init_scale: inert("initialisation; no effect at inference"),
  global_pool: oneOf(channelsLastPools, "avg", 'pooling before the classifier; "" classifies every position'),
  embed_dim: int(96, "width of the first stage; every stage doubles it", { min: 1 }),
  num_heads: int(1, "attention heads of the first stage; every stage doubles them", { min: 1 }),
  stages: ints([2, 3, 16, 3], "blocks of each stage", { min: 1, length: 4 }),
  q_pool: int(3, "how many stages begin with pooling", { min: 0, max: 3 }),
  global_pos_size: pair(7, "rows and columns of the learned positions"),
  window_spec: ints([8, 4, 14, 7], "height and width of the windows, by stage", { min: 1, length: 4 }),
  global_att_blocks: ints([12, 16, 20], "blocks that attend to the whole map", { min: 0 }),
  init_values: optional(number(1e-5, "initial layer scale; none without it")),
  norm_layer: tokenNormLayer({ name: "layernorm" }, "the normalisation"),
  act_layer: actLayer("gelu"),
};

type Config = ConfigOf<typeof args>;

const patchStride = 4;

/** Learned positions at the map's size, and a window of positions that repeats over it. */
function addPositions(s: Scope, x: Value, c: Config): Value {
  const size = mapSize(x);
  const side = c.window_spec[0] ?? 8;
  if (
    !sameShape(
      windowGrid(size, [side, side]).map((count) => scaleDim(count, side)),
      size,
    )
  )
    throw new TimmcError(
      "unsupported",
      `a map of ${size.map(printDim).join("x")} is not covered by windows of ${side}`,
      {
        hint: `choose an --input-size of multiples of ${patchStride * side}`,
      },
    );
  const global = s.param("pos_embed", [1, c.embed_dim, ...c.global_pos_size]);
  const window = s.param("pos_embed_window", [1, c.embed_dim, side, side]);
  const resized = s.resize(global, { axes: [2, 3], size: [...size], mode: "cubic" });
  return s.add(x, s.transpose(s.add(resized, tiled(s, window, size)), { perm: [0, 2, 3, 1] }));
}

/** Every block in order, with the stage that it belongs to. */
function blocksOf(c: Config): { readonly module: Module; readonly stage: number; readonly last: boolean }[] {
  const plan = c.stages.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, j) => ({ stage, first: j === 0, last: j === depth - 1 })),
  );
  return plan.map(({ stage, first, last }, i) => {
    const widens = stage > 0 && first;
    const module = multiScaleBlock({
      out: c.embed_dim * 2 ** stage,
      heads: c.num_heads * 2 ** stage,
      pools: widens && stage <= c.q_pool,
      // The first block of a stage still has the windows of the stage before.
      window: c.global_att_blocks.includes(i) ? undefined : c.window_spec[widens ? stage - 1 : stage],
      scaled: c.init_values !== undefined,
      act: c.act_layer,
      norm: tokenNorm(c.norm_layer),
    });
    return { module, stage, last };
  });
}

export default defineFamily({
  name: "hieradet_sam2",
  paper: "https://arxiv.org/abs/2408.00714",
  args,
  variants: {
    sam2_hiera_tiny: { stages: [1, 2, 7, 2], global_att_blocks: [5, 7, 9] },
    sam2_hiera_small: { stages: [1, 2, 11, 2], global_att_blocks: [7, 10, 13] },
    sam2_hiera_base_plus: { embed_dim: 112, num_heads: 2, global_pos_size: [14, 14] },
    sam2_hiera_large: {
      embed_dim: 144,
      num_heads: 2,
      stages: [2, 6, 36, 4],
      global_att_blocks: [23, 33, 43],
      window_spec: [8, 4, 16, 8],
    },
    hieradet_small: {
      stages: [1, 2, 11, 2],
      global_att_blocks: [7, 10, 13],
      window_spec: [8, 4, 16, 8],
      init_values: 1e-5,
    },
  },
  groups: () => [stemGroup(/pos_embed|pos_embed_window|patch_embed/), blockGroup(/blocks\.(\d+)/)],
  remap: () => remap,
  build: (s, input, c) => {
    const patches: Module = (t, y) => {
      const proj = conv2d(c.embed_dim, { kernel: 7, stride: patchStride, padding: 3, bias: true });
      return t.transpose(t.call("proj", proj, y), { perm: [0, 2, 3, 1] });
    };
    const placed = addPositions(s, s.call("patch_embed", patches, input), c);
    const stages: Stage[] = [];
    const trunk: Module = (t, y) =>
      blocksOf(c).reduce((x, { module, stage, last }, i) => {
        const result = t.call(i, module, x);
        if (last) {
          const value = t.transpose(result, { perm: [0, 3, 1, 2] });
          stages.push({ module: `blocks.${i}`, value, reduction: patchStride * 2 ** stage, format: "NCHW" });
        }
        return result;
      }, y);
    const features = s.call("blocks", trunk, placed);
    const norm = tokenNorm(c.norm_layer);
    const head = channelsLastHead({ classes: c.num_classes, pool: c.global_pool, format: "NHWC", norm });
    const { preLogits, logits } = callHead(s, "head", head, features);
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NHWC" };
  },
});
