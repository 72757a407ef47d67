import type { OpName } from "../../../ir/ops/index.ts";
import type { Value } from "../../../ir/value.ts";
import { attention } from "./attention.ts";
import { conv } from "./conv.ts";
import { gather } from "./gather.ts";
import { linear, matmul } from "./matmul.ts";
import { groupNorm, layerNorm, rmsNorm } from "./norm.ts";
import type { RootOf } from "./parts.ts";
import { isPoint, pointOps } from "./point.ts";
import { pool } from "./pool.ts";
import { reduction } from "./reduction.ts";
import { resize } from "./resize.ts";
import { softmax } from "./softmax.ts";

/** Every op that has a kernel of its own. */
const roots: { readonly [N in OpName]?: RootOf } = {
  attention,
  avg_pool: pool("add"),
  conv,
  gather,
  group_norm: groupNorm,
  layer_norm: layerNorm,
  linear,
  matmul,
  max_pool: pool("max"),
  reduce_max: reduction("max", false),
  reduce_mean: reduction("add", true),
  reduce_sum: reduction("add", false),
  resize,
  rms_norm: rmsNorm,
  softmax,
};

/** The kernel of a value that sums; undefined for those computed element by element, and for those that have none. */
export const rootOf = (value: Value): RootOf | undefined => (isPoint(value) ? undefined : roots[value.op]);

/** Every op that kernels compute. */
export const kernelOps: ReadonlySet<string> = new Set([...pointOps, ...Object.keys(roots)]);
