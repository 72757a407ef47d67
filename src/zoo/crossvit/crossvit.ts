/** CrossViT: Chen et al. 2021, "Cross-attention multi-scale vision transformer for image classification" (arXiv:2103.14899). */
import { sameShape } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import { toTokens } from "../layers/patch-embed.ts";
import { poolTokens } from "../layers/token-head.ts";
import { transformerBlock } from "../layers/transformer-block.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import { rename } from "../remap/steps.ts";
import type { Module, Scope } from "../scope.ts";
import { type Branch, type CrossVitConfig, type Depth, args, branches, imageOf, patchCount, refuse } from "./config.ts";
import { variants } from "./variants.ts";

type Pair<T> = readonly [T, T];
const ofBoth = <T>(make: (branch: Branch) => T): Pair<T> => [make(0), make(1)];
const other = (branch: Branch): Branch => (branch === 0 ? 1 : 0);

const norm = layerNorm(1e-6);
const widthOf = (c: CrossVitConfig, branch: Branch): number => c.embed_dim[branch] ?? 1;

/** The first token and the others. */
const parts = (s: Scope, x: Value): Pair<Value> => [
  s.slice(x, { axis: 1, range: [0, 1] }),
  s.slice(x, { axis: 1, range: [1, x.type.shape[1] ?? 1] }),
];

/** The image at a branch's size: cropped at its centre, or resized without antialiasing. */
function scaled(s: Scope, image: Value, c: CrossVitConfig, branch: Branch): Value {
  const size = imageOf(c, branch);
  const [, , height = 1, width = 1] = image.type.shape;
  const resized = (): Value => s.resize(image, { axes: [2, 3], size: [...size], mode: "cubic" });
  if (!c.crop_scale) return sameShape([height, width], size) ? image : resized();
  const why = "with crop_scale timm resizes small images and crops large ones";
  const [h, w] = [s.static(height, why), s.static(width, why)];
  if (h === size[0] && w === size[1]) return image;
  if (size[0] > h || size[1] > w) return resized();
  const [top, left] = [roundHalfEven((h - size[0]) / 2), roundHalfEven((w - size[1]) / 2)];
  const rows = s.slice(image, { axis: 2, range: [top, top + size[0]] });
  return s.slice(rows, { axis: 3, range: [left, left + size[1]] });
}

const patches =
  (c: CrossVitConfig, branch: Branch): Module =>
  (s, x) => {
    const [width, patch] = [widthOf(c, branch), c.patch_size[branch] ?? 1];
    const conv = (out: number, kernel: number, stride: number, padding: number): Module =>
      conv2d(out, { kernel, stride, padding, bias: true });
    const second = patch === 12 ? conv(Math.floor(width / 2), 3, 3, 0) : conv(Math.floor(width / 2), 3, 2, 1);
    const third = conv(width, 3, patch === 12 ? 1 : 2, 1);
    const relu = act("relu");
    const steps = [conv(Math.floor(width / 4), 7, 4, 3), relu, second, relu, third];
    const proj: Module = c.multi_conv ? (t, y) => t.sequence(y, steps) : conv(width, patch, patch, 0);
    return toTokens(s, s.call("proj", proj, x));
  };

function embed(s: Scope, image: Value, c: CrossVitConfig, branch: Branch): Value {
  const width = widthOf(c, branch);
  const tokens = s.at("patch_embed").call(branch, patches(c, branch), scaled(s, image, c, branch));
  const [n = 1, length = 0] = tokens.type.shape;
  const count = patchCount(c, branch);
  if (length !== count)
    throw new TimmcError("unsupported", `timm counts ${count} patches, and the image has ${String(length)}`);
  const token = s.expand(s.param(`cls_token_${branch}`, [1, 1, width]), { shape: [n, 1, width] });
  return s.add(s.concat([token, tokens], { axis: 1 }), s.param(`pos_embed_${branch}`, [1, 1 + count, width]));
}

/** The first token attends to all (eq. 3 and 4); it alone is left. */
const crossAttention =
  (c: CrossVitConfig, heads: number): Module =>
  (s, x) => {
    const width = s.features(x);
    const project = (name: string, y: Value): Value =>
      splitHeads(s, s.call(name, linear(width, { bias: c.qkv_bias }), y), heads);
    const query = project("wq", parts(s, x)[0]);
    const scale = (width / heads) ** -0.5;
    const mixed = s.attention(query, project("wk", x), project("wv", x), undefined, { scale });
    return s.call("proj", linear(width), mergeHeads(s, mixed));
  };

const fusionBlock =
  (c: CrossVitConfig, heads: number): Module =>
  (s, x) =>
    s.add(parts(s, x)[0], s.chain(x, { norm1: norm, attn: crossAttention(c, heads) }));

/** To the width of the other branch. */
const projection =
  (width: number): Module =>
  (s, x) =>
    s.sequence(x, [norm, act("gelu"), linear(width)]);

/** Fig. 3: each branch's blocks, then its class token meets the patches of the other branch. */
function multiScaleEncoder(s: Scope, xs: Pair<Value>, c: CrossVitConfig, depth: Depth): Pair<Value> {
  const run = (b: Branch): Module => {
    const options = { heads: c.num_heads[b] ?? 1, mlpRatio: c.mlp_ratio[b] ?? 1, qkvBias: c.qkv_bias };
    return (t, y) =>
      t.sequence(
        y,
        Array.from({ length: depth[b] }, () => transformerBlock(options)),
      );
  };
  const outs = ofBoth((b) => s.at("blocks").call(b, run(b), xs[b]));
  const tokens = ofBoth((b) => s.at("projs").call(b, projection(widthOf(c, other(b))), parts(s, outs[b])[0]));
  return ofBoth((b) => {
    const block = fusionBlock(c, c.num_heads[other(b)] ?? 1);
    const many: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: depth[2] }, () => block),
      );
    const mixed = s.concat([tokens[b], parts(s, outs[other(b)])[1]], { axis: 1 });
    const token = parts(s, s.at("fusion").call(b, depth[2] === 0 ? block : many, mixed))[0];
    const back = s.at("revert_projs").call(b, projection(widthOf(c, b)), token);
    return s.concat([back, parts(s, outs[b])[1]], { axis: 1 });
  });
}

export default defineFamily({
  name: "crossvit",
  paper: "https://arxiv.org/abs/2103.14899",
  args,
  variants,
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  groups: () => [stemGroup(/cls_token|pos_embed|patch_embed/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  remap: () => ({
    layouts: [],
    tail: [rename(/^.*(?:pos_embed|cls_token).*$/, ([name = ""]) => name.replaceAll(".", "_"))],
  }),
  build: (s, image, c) => {
    let xs = ofBoth((b) => embed(s, image, c, b));
    for (const [i, depth] of c.depth.entries()) xs = multiScaleEncoder(s.at(`blocks.${i}`), xs, c, depth);
    const tokens = ofBoth((b) => s.at("norm").call(b, norm, xs[b]));
    const pooled = ofBoth((b) => poolTokens(s, tokens[b], c.global_pool));
    const joined = s.concat(pooled, { axis: 1 });
    const classifier = fullyConnected(c.num_classes);
    const logits = (): Value => {
      if (classifier === undefined) return joined;
      const [a, b] = ofBoth((i) => s.at("head").call(i, classifier, pooled[i]));
      return s.mul(s.add(a, b), s.scalar(1 / branches.length));
    };
    return { forwardFeatures: tokens, preLogits: [joined], logits: [logits()], stages: [], format: "NLC" };
  },
});
