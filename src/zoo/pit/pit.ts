/** PiT: Heo et al. 2021, "Rethinking spatial dimensions of vision transformers" (arXiv:2103.16302). */
import { TimmcError } from "../../ir/error.ts";
import { type Dim, printDim, sameDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { transformerBlock } from "../layers/transformer-block.ts";
import { dropTokens, tokenAt } from "../layers/tokens.ts";
import { rename } from "../remap/steps.ts";
import { type ConfigOf, bool, dropRates, dropout, ignored, int, ints, number, oneOf, pair } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: pair(16, "pixels of a patch"),
  stride: int(8, "pixels from patch to patch", { min: 1 }),
  base_dims: ints([48, 48, 48], "width of a head in each stage", { min: 1 }),
  depth: ints([2, 6, 4], "blocks of each stage", { min: 0 }),
  heads: ints([2, 4, 8], "attention heads of each stage", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  global_pool: oneOf(["token"], "token", "the class token"),
  distilled: bool(false, "a second token and head, averaged with the first"),
  stem_type: ignored("the kind of stem"),
  pos_drop_drate: dropout("dropout after the position embeddings; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
};

type PitConfig = ConfigOf<typeof args>;
type Row = Partial<PitConfig>;

const norm = layerNorm(1e-6);

/** What flows between the stages: a map of the patches, and the tokens. */
interface State {
  readonly map: Value;
  readonly tokens: Value;
}

/** Section 3.2: a strided convolution of the map, in groups of its channels, and a linear layer for the tokens. */
const pool = (s: Scope, { map, tokens }: State, width: number): State => {
  const groups = s.channels(map);
  const conv = conv2d(width, { kernel: 3, stride: 2, padding: 1, groups, bias: true });
  return { map: s.call("conv", conv, map), tokens: s.call("fc", linear(width), tokens) };
};

function transformer(s: Scope, state: State, c: PitConfig, stage: number): State {
  const heads = c.heads[stage] ?? 1;
  const width = (c.base_dims[stage] ?? 1) * heads;
  const { map, tokens } = stage === 0 ? state : pool(s.at("pool"), state, width);
  const [h = 1, w = 1] = map.type.shape.slice(2);
  const count = c.distilled ? 2 : 1;
  const blocks: Module = (t, x) =>
    t.sequence(
      x,
      Array.from({ length: c.depth[stage] ?? 0 }, () => transformerBlock({ heads, mlpRatio: c.mlp_ratio })),
    );
  const y = s.call("blocks", blocks, s.concat([tokens, toTokens(s, map)], { axis: 1 }));
  return { map: toMap(s, dropTokens(s, y, count), [h, w]), tokens: s.slice(y, { axis: 1, range: [0, count] }) };
}

/** The positions cover the map of one size alone. */
function positions(s: Scope, map: Value, c: PitConfig): Value {
  const size = c.img_size.map((extent, i) => Math.floor((extent - (c.patch_size[i] ?? 1)) / c.stride + 1));
  const [, channels = 1, ...space] = map.type.shape;
  for (const [i, extent] of space.entries()) if (!sameDim(extent, size[i] ?? 0)) throw otherSize(space, size);
  return s.add(map, s.param("pos_embed", [1, channels, ...size]));
}

const otherSize = (map: readonly Dim[], size: readonly number[]): TimmcError =>
  new TimmcError(
    "unsupported",
    `the position embeddings are for ${size.join("x")} patches, not ${map.map(printDim).join("x")}`,
  );

function refuse(c: PitConfig): string | undefined {
  const stages = c.depth.length;
  if (c.base_dims.length < stages || c.heads.length < stages)
    return `base_dims, depth and heads need an entry for each of ${stages} stages`;
  if (c.base_dims.length > stages || c.heads.length > stages)
    return "base_dims, depth and heads must have equal lengths";
  return undefined;
}

const small: Row = { base_dims: [48, 48, 48], heads: [3, 6, 12] };
const base: Row = { patch_size: [14, 14], stride: 7, base_dims: [64, 64, 64], depth: [3, 6, 4], heads: [4, 8, 16] };
const tiny: Row = { base_dims: [32, 32, 32] };
const distilled: Row = { distilled: true };

export default defineFamily({
  name: "pit",
  paper: "https://arxiv.org/abs/2103.16302",
  args,
  variants: {
    pit_b_224: base,
    pit_s_224: small,
    pit_xs_224: {},
    pit_ti_224: tiny,
    pit_b_distilled_224: { ...base, ...distilled },
    pit_s_distilled_224: { ...small, ...distilled },
    pit_xs_distilled_224: distilled,
    pit_ti_distilled_224: { ...tiny, ...distilled },
  },
  refuse,
  fixedSize: () => "pos_embed is added as it is: a row for every patch of img_size",
  groups: () => [],
  remap: () => ({
    layouts: [],
    tail: [rename(/pools\.(\d)\./, ([, stage]) => `transformers.${Number(stage) + 1}.pool.`)],
  }),
  build: (s, image, c) => {
    const width = (c.base_dims[0] ?? 1) * (c.heads[0] ?? 1);
    const count = c.distilled ? 2 : 1;
    const embed: Module = (t, x) =>
      t.call("conv", conv2d(width, { kernel: c.patch_size, stride: c.stride, padding: 0, bias: true }), x);
    const batch = image.type.shape[0] ?? 1;
    let state: State = {
      map: positions(s, s.call("patch_embed", embed, image), c),
      tokens: s.expand(s.param("cls_token", [1, count, width]), { shape: [batch, count, width] }),
    };
    const stages = c.depth.map((_, i): Stage => {
      const path = `transformers.${i}`;
      s.call(
        path,
        (t) => {
          state = transformer(t, state, c, i);
          return state.map;
        },
        state.map,
      );
      return { module: path, value: state.map, reduction: (c.stride - 1) * 2 ** i, format: "NCHW" };
    });
    const tokens = s.call("norm", norm, state.tokens);
    const classify = (name: string, x: Value): Value => s.chain(x, { [name]: fullyConnected(c.num_classes) });
    const first = tokenAt(s, tokens, 0);
    const mean = (a: Value, b: Value): Value => s.mul(s.add(a, b), s.scalar(0.5));
    const second = c.distilled ? tokenAt(s, tokens, 1) : undefined;
    const logits = classify("head", first);
    return {
      forwardFeatures: [tokens],
      preLogits: [second === undefined ? first : mean(first, second)],
      logits: [second === undefined ? logits : mean(logits, classify("head_dist", second))],
      stages,
      format: "NLC",
    };
  },
});
