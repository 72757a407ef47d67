/**
 * ResNet and its descendants: He et al. 2015 (arXiv:1512.03385), ResNeXt (1611.05431), the C, D, S and T tweaks of
 * "Bag of Tricks" (1812.01187), SE (1709.01507), ECA (1910.03151), BlurPool (1904.11486), ResNet-RS (2103.07579).
 */
import type { Value } from "../../ir/value.ts";
import type { Stage } from "../family.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { antiAlias } from "../layers/blur-pool.ts";
import { channelAttention, squeezeExcite } from "../layers/channel-attention.ts";
import { poolAndClassify } from "../layers/classifier.ts";
import { conv2d, symmetricPadding } from "../layers/conv.ts";
import { norm } from "../layers/norm.ts";
import { avgPool, maxPool } from "../layers/pool.ts";
import type { Module, Scope } from "../scope.ts";
import { type BlockKind, type ResNetConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

/** What one residual block needs to know of its place in the network. */
interface Place {
  readonly planes: number;
  readonly stride: number;
  readonly dilation: number;
  /** Dilation of the stage before: the first 3x3 convolution still uses it. */
  readonly firstDilation: number;
  readonly shortcut: Module | undefined;
}

/** Channel attention after the last norm; `channels` are the block's own, before any pruning. */
const attention = ({ block_args: { attn_layer, rd_ratio } }: ResNetConfig, channels: number): Module | undefined => {
  if (attn_layer === undefined) return undefined;
  return rd_ratio === undefined ? channelAttention(attn_layer, channels) : squeezeExcite({ ratio: rd_ratio });
};

const addShortcut = (s: Scope, x: Value, y: Value, { shortcut }: Place): Value =>
  s.add(y, shortcut === undefined ? x : s.call("downsample", shortcut, x));

/** Fig. 5 left: two 3x3 convolutions. */
const basicBlock =
  (c: ResNetConfig, p: Place): Module =>
  (s, x) => {
    const blurs = c.aa_layer !== undefined && (p.stride === 2 || p.firstDilation !== p.dilation);
    const y = s.chain(x, {
      conv1: conv2d(Math.floor(p.planes / c.block_reduce_first), {
        kernel: 3,
        stride: blurs ? 1 : p.stride,
        dilation: p.firstDilation,
        padding: p.firstDilation,
      }),
      bn1: norm(c.norm_layer),
      act1: act(c.act_layer),
      aa: blurs && c.aa_layer ? antiAlias(c.aa_layer, p.stride) : undefined,
      conv2: conv2d(p.planes, { kernel: 3, dilation: p.dilation, padding: p.dilation }),
      bn2: norm(c.norm_layer),
      se: attention(c, p.planes),
    });
    return s.call("act2", act(c.act_layer), addShortcut(s, x, y, p));
  };

/** Fig. 5 right: 1x1, 3x3 with the stride, 1x1 to four times the planes. */
const bottleneck =
  (c: ResNetConfig, p: Place): Module =>
  (s, x) => {
    const width = Math.floor(p.planes * (c.base_width / 64)) * c.cardinality;
    const blurs = c.aa_layer !== undefined && (p.stride === 2 || p.firstDilation !== p.dilation);
    const y = s.chain(x, {
      conv1: conv2d(Math.floor(width / c.block_reduce_first)),
      bn1: norm(c.norm_layer),
      act1: act(c.act_layer),
      conv2: conv2d(width, {
        kernel: 3,
        stride: blurs ? 1 : p.stride,
        dilation: p.firstDilation,
        padding: p.firstDilation,
        groups: c.cardinality,
      }),
      bn2: norm(c.norm_layer),
      act2: act(c.act_layer),
      aa: blurs && c.aa_layer ? antiAlias(c.aa_layer, p.stride) : undefined,
      conv3: conv2d(4 * p.planes),
      bn3: norm(c.norm_layer),
      se: attention(c, 4 * p.planes),
    });
    return s.call("act3", act(c.act_layer), addShortcut(s, x, y, p));
  };

const kinds = { basic: { block: basicBlock, expansion: 1 }, bottleneck: { block: bottleneck, expansion: 4 } } as const;

const kindAt = ({ block }: ResNetConfig, stage: number): BlockKind =>
  typeof block === "string" ? block : (block[stage] ?? "bottleneck");

/** The projection of a shortcut whose shape changes: a strided convolution, or average pool and 1x1 (D variants). */
function shortcutOf(c: ResNetConfig, out: number, stride: number, dilation: number, firstDilation: number): Module {
  const normalise = norm(c.norm_layer);
  if (c.avg_down) {
    const poolStride = dilation === 1 ? stride : 1;
    const same = poolStride === 1 && dilation > 1;
    const pool = avgPool(2, { stride: poolStride, ceil: true, countPad: false, padding: same ? "same" : 0 });
    const identity = stride === 1 && dilation === 1;
    return (s, x) => s.sequence(x, [identity ? undefined : pool, conv2d(out), normalise]);
  }
  const kernel = stride === 1 && dilation === 1 ? 1 : c.down_kernel_size;
  const spread = kernel > 1 ? firstDilation : 1;
  const padding = symmetricPadding(kernel, stride, spread);
  return (s, x) => s.sequence(x, [conv2d(out, { kernel, stride, dilation: spread, padding }), normalise]);
}

function stem(s: Scope, x: Value, c: ResNetConfig): { features: Value; pooled: Value } {
  const normalise = norm(c.norm_layer);
  const activate = act(c.act_layer);
  const w = c.stem_width;
  const tier = c.stem_type === "deep_tiered" ? 3 * Math.floor(w / 4) : w;
  const deep: Module = (t, y) =>
    t.sequence(y, [
      conv2d(tier, { kernel: 3, stride: 2 }),
      normalise,
      activate,
      conv2d(w, { kernel: 3 }),
      normalise,
      activate,
      conv2d(2 * w, { kernel: 3 }),
    ]);
  const single = conv2d(64, { kernel: 7, stride: 2 });
  const features = s.chain(x, { conv1: c.stem_type === "" ? single : deep, bn1: normalise, act1: activate });
  return { features, pooled: s.call("maxpool", stemPool(c), features) };
}

function stemPool(c: ResNetConfig): Module {
  const aa = c.aa_layer;
  if (c.replace_stem_pool)
    return (s, x) => {
      const width = s.static(x.type.shape[1] ?? 0, "the stem's width");
      const down = conv2d(width, { kernel: 3, stride: aa ? 1 : 2, padding: 1 });
      return s.sequence(x, [down, ...(aa ? [antiAlias(aa, 2)] : []), norm(c.norm_layer), act(c.act_layer)]);
    };
  if (aa === undefined) return maxPool(3, { stride: 2, padding: 1 });
  if (aa === "avg" || aa === "avgpool") return avgPool(2);
  return (s, x) => s.sequence(x, [maxPool(3, { stride: 1, padding: 1 }), antiAlias(aa, 2)]);
}

export default defineFamily({
  name: "resnet",
  paper: "https://arxiv.org/abs/1512.03385",
  args,
  variants,
  refuse: (c, given) => {
    if (kindAt(c, 0) === "basic" && (c.cardinality !== 1 || c.base_width !== 64))
      return "a basic block takes only cardinality=1 and base_width=64";
    if (given.has("aa_layer") && !c.replace_stem_pool)
      return "timm takes a name for aa_layer only together with replace_stem_pool=true";
    if (c.global_pool === "" && c.num_classes > 0)
      return 'global_pool="" needs num_classes=0: the classifier takes no map';
    return undefined;
  },
  groups: (coarse) => [stemGroup(/conv1|bn1|maxpool/), blockGroup(coarse ? /layer(\d+)/ : /layer(\d+)\.(\d+)/)],
  build: (s, input, c) => {
    if (c.widths) s.prune(c.widths);
    const { features, pooled } = stem(s, input, c);
    const stages: Stage[] = [{ module: "act1", value: features, reduction: 2, format: "NCHW" }];
    let x = pooled;
    let reduction = 4;
    let dilation = 1;
    let firstDilation = 1;
    c.layers.forEach((depth, i) => {
      const { block, expansion } = kinds[kindAt(c, i)];
      const planes = c.channels[i] ?? 0;
      let stride = i === 0 ? 1 : 2;
      if (reduction >= c.output_stride) {
        dilation *= stride;
        stride = 1;
      } else reduction *= stride;
      const changes = stride !== 1 || x.type.shape[1] !== planes * expansion;
      const shortcut = changes ? shortcutOf(c, planes * expansion, stride, dilation, firstDilation) : undefined;
      const blocks = Array.from({ length: depth }, (_, j) => {
        const place = { planes, dilation, stride: j === 0 ? stride : 1, shortcut: j === 0 ? shortcut : undefined };
        const module = block(c, { ...place, firstDilation });
        firstDilation = dilation;
        return module;
      });
      x = s.call(`layer${i + 1}`, (t, y) => t.sequence(y, blocks), x);
      stages.push({ module: `layer${i + 1}`, value: x, channels: planes * expansion, reduction, format: "NCHW" });
    });
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
