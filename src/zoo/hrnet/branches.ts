/** Parallel branches of different resolutions, and their exchange. A state is a list of maps, the finest first. */
import { scaleDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { type BlockConfig, basicBlock, bottleneck } from "../resnet/blocks.ts";
import type { Module, Scope } from "../scope.ts";

const blockConfig: BlockConfig = {
  cardinality: 1,
  base_width: 64,
  block_reduce_first: 1,
  act_layer: "relu",
  norm_layer: "batchnorm",
  aa_layer: undefined,
  block_args: {},
};

const relu = act("relu");
const normalise = batchNorm();

const kinds = { basic: { block: basicBlock, expansion: 1 }, bottleneck: { block: bottleneck, expansion: 4 } } as const;

/** Residual blocks at one resolution; the first one projects where the channels change. */
export const residualBlocks =
  (kind: keyof typeof kinds, planes: number, depth: number): Module =>
  (s, x) => {
    const { block, expansion } = kinds[kind];
    const out = planes * expansion;
    const project: Module = (t, y) => t.sequence(y, [conv2d(out), normalise]);
    const changes = x.type.shape[1] !== out;
    const blocks = Array.from({ length: depth }, (_, i) => {
      const shortcut = i === 0 && changes ? project : undefined;
      return block(blockConfig, { planes, stride: 1, dilation: 1, firstDilation: 1, shortcut });
    });
    return s.sequence(x, blocks);
  };

const halve = (out: number, active: boolean): Module => {
  const conv = conv2d(out, { kernel: 3, stride: 2, padding: 1 });
  return (s, x) => s.sequence(x, [conv, normalise, ...(active ? [relu] : [])]);
};

/**
 * Maps of these widths from those of the stage before: kept where the width is the same, else convolved from the coarsest
 * one; a new resolution is half of the coarsest.
 */
export function transition(s: Scope, before: readonly Value[], widths: readonly number[]): Value[] {
  const coarsest = before.at(-1);
  return widths.map((width, i) => {
    const own = before[i];
    if (coarsest === undefined || own?.type.shape[1] === width) return own ?? s.scalar(0);
    const same: Module = (t, y) => t.sequence(y, [conv2d(width, { kernel: 3 }), normalise, relu]);
    const down: Module = (t, y) => t.sequence(y, [halve(width, true)]);
    return s.call(i, own === undefined ? down : same, coarsest);
  });
}

const upsample =
  (factor: number): Module =>
  (s, x) => {
    const size = x.type.shape.slice(2).map((d) => scaleDim(d, factor));
    return s.resize(x, { axes: [2, 3], size, mode: "nearest" });
  };

/** What branch j adds to branch i: upsampled, itself, or halved i - j times. */
function exchange(i: number, j: number, width: (branch: number) => number): Module | undefined {
  if (j === i) return undefined;
  if (j > i) return (s, x) => s.sequence(x, [conv2d(width(i)), normalise, upsample(2 ** (j - i))]);
  const steps = Array.from({ length: i - j }, (_, k) => {
    const last = k === i - j - 1;
    return halve(last ? width(i) : width(j), !last);
  });
  return (s, x) => s.sequence(x, steps);
}

/** A module of fig. 3: blocks on every branch, then every branch sums what all of them give. */
export function highResolutionModule(s: Scope, state: readonly Value[], blocks: number): Value[] {
  const width = (branch: number): number => s.static(state[branch]?.type.shape[1] ?? 0, "the width of a branch");
  const maps = state.map((x, i) => s.at("branches").call(i, residualBlocks("basic", width(i), blocks), x));
  return maps.map((_, i) => {
    const parts = maps.map((x, j) => {
      const step = exchange(i, j, width);
      return step === undefined ? x : s.at("fuse_layers").at(i).call(j, step, x);
    });
    const sum = parts.reduce((y, part) => s.add(y, part));
    return s.call("fuse_act", relu, sum);
  });
}
