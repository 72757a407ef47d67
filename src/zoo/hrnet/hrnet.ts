/** HRNet: Wang et al. 2019 (arXiv:1908.07919), branches of high and low resolution that stay in parallel. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Model, Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import type { Module, Scope } from "../scope.ts";
import { highResolutionModule, residualBlocks, transition } from "./branches.ts";
import { type HrNetConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const relu = act("relu");
const normalise = batchNorm();

/** Planes of the bottlenecks that widen each branch for the classifier. */
const headPlanes = [32, 64, 128, 256];
const features = 2048;

/** Stages 1 to 4: one branch more in each, from one to four. */
function branches(s: Scope, x: Value, { design }: HrNetConfig): readonly Value[] {
  const [blocks, planes] = design.first;
  let state: readonly Value[] = [s.call("layer1", residualBlocks("bottleneck", planes, blocks), x)];
  for (const [i, modules] of design.modules.entries()) {
    const widths = Array.from({ length: i + 2 }, (_, branch) => design.width * 2 ** branch);
    state = transition(s.at(`transition${i + 1}`), state, widths);
    for (let j = 0; j < modules; j++) state = highResolutionModule(s.at(`stage${i + 2}`).at(j), state, design.blocks);
  }
  return state;
}

const widen = (s: Scope, maps: readonly Value[]): Value[] =>
  maps.map((x, i) => s.at("incre_modules").call(i, residualBlocks("bottleneck", headPlanes[i] ?? 0, 1), x));

/** Fig. 4c: from the finest branch down, each halved and added to the next, then a 1x1 convolution. */
function join(s: Scope, wide: readonly Value[], bias: boolean): Value {
  const [finest, ...coarser] = wide;
  const halved = (i: number): Module => {
    const conv = conv2d(4 * (headPlanes[i + 1] ?? 0), { kernel: 3, stride: 2, padding: 1, bias });
    return (t, y) => t.sequence(y, [conv, normalise, relu]);
  };
  const sum = coarser.reduce(
    (y, x, i) => s.add(x, s.at("downsamp_modules").call(i, halved(i), y)),
    finest ?? s.scalar(0),
  );
  return s.call("final_layer", (t, y) => t.sequence(y, [conv2d(features, { bias }), normalise, relu]), sum);
}

export default defineFamily({
  name: "hrnet",
  paper: "https://arxiv.org/abs/1908.07919",
  args,
  variants,
  refuse: (c, given) => {
    if (given.has("feature_location") && !c.features_only)
      return "feature_location belongs to timm's feature networks: it needs features_only=true";
    if (given.has("head") && c.features_only) return "head: timm's feature networks set it by feature_location";
    return c.head === "classification" && !c.features_only ? refuseUnpooled(c) : undefined;
  },
  groups: (coarse) => {
    const stem = stemGroup(/conv[12]|bn[12]/);
    if (coarse) return [stem, blockGroup(/(?:layer|stage|transition)(\d+)/)];
    return [
      stem,
      blockGroup(/layer(\d+)\.(\d+)/),
      blockGroup(/stage(\d+)\.(\d+)/),
      blockGroup(/transition(\d+)/, "last"),
    ];
  },
  build: (s, input, c): Model => {
    const half = { kernel: 3, stride: 2, padding: 1 };
    const first = s.chain(input, { conv1: conv2d(c.stem_width, half), bn1: normalise, act1: relu });
    const second = s.chain(first, { conv2: conv2d(64, half), bn2: normalise, act2: relu });
    const maps = branches(s, second, c);
    const location = c.features_only ? c.feature_location : c.head === "" ? "" : "incre";
    const ends = location === "" ? maps : widen(s, maps);
    // timm states the paper's 64 channels for a stem of any width.
    const stages: Stage[] = [{ module: "stem", value: first, channels: 64, reduction: 2, format: "NCHW" }];
    for (const [i, value] of ends.entries())
      stages.push({ module: `stage${i + 1}`, value, reduction: 4 * 2 ** i, format: "NCHW" });
    if (c.features_only || c.head !== "classification")
      return { forwardFeatures: maps, preLogits: maps, logits: maps, stages, format: "NCHW" };
    const x = join(s, ends, c.head_conv_bias);
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes, "classifier");
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
