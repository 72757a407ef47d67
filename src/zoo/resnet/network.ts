/** What ResNet has in common with the networks that replace its blocks: stem, stages, shortcuts. */
import type { Value } from "../../ir/value.ts";
import type { Model, Stage } from "../family.ts";
import { type GroupRule, blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { avgDown } from "../layers/avg-down.ts";
import { antiAlias } from "../layers/blur-pool.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d, symmetricPadding } from "../layers/conv.ts";
import { norm } from "../layers/norm.ts";
import { avgPool, maxPool } from "../layers/pool.ts";
import type { ConfigOf } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import type { networkArgs } from "./config.ts";

type NetworkConfig = ConfigOf<typeof networkArgs>;

/** What one residual block needs to know of its place in the network. */
export interface Place {
  readonly planes: number;
  readonly stride: number;
  readonly dilation: number;
  /** Dilation of the stage before: the first 3x3 convolution still uses it. */
  readonly firstDilation: number;
  readonly shortcut: Module | undefined;
}

/** A block, which has `expansion` times the planes at its end. */
interface BlockDesign<C> {
  readonly block: (c: C, place: Place) => Module;
  readonly expansion: number;
}

export const addShortcut = (s: Scope, x: Value, y: Value, { shortcut }: Place): Value =>
  s.add(y, shortcut === undefined ? x : s.call("downsample", shortcut, x));

/** The projection of a shortcut whose shape changes: a strided convolution, or average pool and 1x1 (D variants). */
function shortcutOf(c: NetworkConfig, out: number, stride: number, dilation: number, firstDilation: number): Module {
  const normalise = norm(c.norm_layer);
  if (c.avg_down) return (s, x) => s.sequence(x, [avgDown(stride, dilation), conv2d(out), normalise]);
  const kernel = stride === 1 && dilation === 1 ? 1 : c.down_kernel_size;
  const spread = kernel > 1 ? firstDilation : 1;
  const padding = symmetricPadding(kernel, stride, spread);
  return (s, x) => s.sequence(x, [conv2d(out, { kernel, stride, dilation: spread, padding }), normalise]);
}

function stem(s: Scope, x: Value, c: NetworkConfig): { features: Value; pooled: Value } {
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

function stemPool(c: NetworkConfig): Module {
  const aa = c.aa_layer;
  if (c.replace_stem_pool)
    return (s, x) => {
      const width = s.channels(x);
      const down = conv2d(width, { kernel: 3, stride: aa ? 1 : 2, padding: 1 });
      return s.sequence(x, [down, ...(aa ? [antiAlias(aa, 2)] : []), norm(c.norm_layer), act(c.act_layer)]);
    };
  if (aa === undefined) return maxPool(3, { stride: 2, padding: 1 });
  if (aa === "avg" || aa === "avgpool") return avgPool(2);
  return (s, x) => s.sequence(x, [maxPool(3, { stride: 1, padding: 1 }), antiAlias(aa, 2)]);
}

export const networkGroups = (coarse: boolean): readonly GroupRule[] => [
  stemGroup(/conv1|bn1|maxpool/),
  blockGroup(coarse ? /layer(\d+)/ : /layer(\d+)\.(\d+)/),
];

/** What timm refuses whatever the blocks are, or undefined. */
export function refuseNetwork(c: NetworkConfig, given: ReadonlySet<string>): string | undefined {
  if (given.has("aa_layer") && !c.replace_stem_pool)
    return "timm takes a name for aa_layer only together with replace_stem_pool=true";
  return refuseUnpooled(c);
}

/** The network of blocks that `designAt` chooses by stage. */
export function residualNetwork<C extends NetworkConfig>(
  s: Scope,
  input: Value,
  c: C,
  designAt: (stage: number) => BlockDesign<C>,
): Model {
  const { features, pooled } = stem(s, input, c);
  const stages: Stage[] = [{ module: "act1", value: features, reduction: 2, format: "NCHW" }];
  let x = pooled;
  let reduction = 4;
  let dilation = 1;
  let firstDilation = 1;
  c.layers.forEach((depth, i) => {
    const { block, expansion } = designAt(i);
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
}
