/** A network from its rows: timm's ByobNet. */
import type { Value } from "../../ir/value.ts";
import { type Model, type Stage, firstStages } from "../family.ts";
import { type GroupRule, blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { callHead } from "../layers/classifier-head.ts";
import type { Pair } from "../layers/conv.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { normAct } from "../layers/norm-act.ts";
import { makeDivisible, roundHalfEven } from "../layers/rounding.ts";
import { stageStrides } from "../layers/stage-strides.ts";
import type { Module, Scope } from "../scope.ts";
import { attnOf } from "./attn.ts";
import { residualBlocks } from "./blocks.ts";
import type { ByobConfig } from "./config.ts";
import type { BlockRow, Layers, Style } from "./design.ts";
import { head } from "./head.ts";
import { repBlocks } from "./rep-blocks.ts";
import { stem } from "./stem.ts";

const named = { ...residualBlocks, ...repBlocks };

export const groups = (coarse: boolean): readonly GroupRule[] => [
  stemGroup(/stem/),
  blockGroup(coarse ? /stages\.(\d+)/ : /stages\.(\d+)\.(\d+)/),
  blockGroup(/final_conv/, "last"),
];

/** Every convolution has norm and activation unless told; strides of `aa` networks are taken after them. */
function layersOf(c: Style, aa: boolean): Layers {
  const style = { norm: c.norm_layer, aa: aa && c.aa_layer !== "" ? c.aa_layer : undefined };
  return {
    conv: (out, { act: active = true, ...options } = {}) =>
      convNormAct(out, { ...style, ...options, act: active ? c.act_layer : undefined }),
    norm: normAct(c.norm_layer, undefined),
    normAct: normAct(c.norm_layer, c.act_layer),
    act: act(c.act_layer),
    actName: c.act_layer,
    attn: attnOf(c.attn_layer, c.attn_kwargs),
  };
}

/** Half the size for every stride of 2, rounded down. */
const reduced = (size: Pair | undefined, stride: number): Pair | undefined =>
  size === undefined ? undefined : [Math.floor(size[0] / stride), Math.floor(size[1] / stride)];

/** A stage as single blocks. */
const expand = (stage: BlockRow | readonly BlockRow[]): readonly BlockRow[] =>
  [stage].flat().flatMap((row) => Array<BlockRow>(row.d ?? 1).fill(row));

function groupSizeOf({ gs = 0 }: BlockRow, out: number, index: number): number {
  if (typeof gs === "number") return gs;
  return index % 2 === 1 ? Math.floor(out / gs.alternate) : 0;
}

export function buildByobNet(s: Scope, input: Value, c: ByobConfig): Model {
  const scale = (width: number): number => roundHalfEven(width * c.width_factor);
  const layers = layersOf(c, true);
  const { x: stemmed, features: stemFeatures } = stem(s, input, {
    type: c.stem_type,
    pool: c.stem_pool,
    width: typeof c.stem_chs === "number" ? scale(c.stem_chs) : c.stem_chs.map(scale),
    layers: layersOf(c, false),
  });
  const from = stemFeatures.at(-1)?.reduction ?? 2;
  const rows = c.blocks.map(expand);
  const strides = stageStrides(
    rows.map((blocks) => blocks[0]?.s ?? 2),
    from,
    c.output_stride,
  );
  const stages: Stage[] = stemFeatures.slice(0, -1);
  let size = reduced(c.img_size, from);
  let previous = stemFeatures.at(-1);

  const stage = (blocks: readonly BlockRow[], i: number): Module => {
    const { stride = 1, dilation = 1, firstDilation = 1 } = strides[i] ?? {};
    return (t, y) =>
      blocks.reduce((x, row, j) => {
        const out = makeDivisible(row.c * c.width_factor);
        const make = typeof row.type === "string" ? named[row.type] : row.type;
        const block = make({
          in: t.channels(x),
          out,
          stride: j === 0 ? stride : 1,
          dilation: [j === 0 ? firstDilation : dilation, dilation],
          groupSize: groupSizeOf(row, out, j),
          ratio: row.br ?? 1,
          downsample: c.downsample,
          layers: row.attn_layer === undefined ? layers : { ...layers, attn: attnOf(row.attn_layer, c.attn_kwargs) },
          size,
          ...(row.block_kwargs ?? c.block_kwargs),
        });
        if (j === 0) size = reduced(size, stride);
        return t.call(j, block, x);
      }, y);
  };
  const trunk: Module = (t, y) =>
    rows.reduce((x, blocks, i) => {
      if ((blocks[0]?.s ?? 2) !== 1 && previous !== undefined) stages.push(previous);
      const value = t.call(i, stage(blocks, i), x);
      previous = { module: `stages.${i}`, value, reduction: strides[i]?.reduction ?? from, format: "NCHW" };
      return value;
    }, y);
  const features = s.chain(stemmed, {
    stages: trunk,
    final_conv: c.num_features > 0 ? layers.conv(scale(c.num_features)) : undefined,
  });
  stages.push({ module: "final_conv", value: features, reduction: previous?.reduction ?? from, format: "NCHW" });
  const result = callHead(s, "head", head(c, size), features);
  return {
    forwardFeatures: [features],
    preLogits: [result.preLogits],
    logits: [result.logits],
    stages,
    defaultStages: firstStages(5, stages),
    format: "NCHW",
  };
}
