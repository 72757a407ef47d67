import type { AnyOp } from "../op.ts";
import { abs } from "./abs.ts";
import { activation } from "./activation.ts";
import { add } from "./add.ts";
import { attention } from "./attention.ts";
import { avg_pool } from "./avg-pool.ts";
import { batch_norm } from "./batch-norm.ts";
import { cast } from "./cast.ts";
import { clamp } from "./clamp.ts";
import { concat } from "./concat.ts";
import { constant } from "./constant.ts";
import { conv } from "./conv.ts";
import { cos } from "./cos.ts";
import { dequantize } from "./dequantize.ts";
import { div } from "./div.ts";
import { dynamic_matmul } from "./dynamic-matmul.ts";
import { equal } from "./equal.ts";
import { exp } from "./exp.ts";
import { expand } from "./expand.ts";
import { floor_div } from "./floor-div.ts";
import { fused_conv } from "./fused-conv.ts";
import { gather } from "./gather.ts";
import { group_norm } from "./group-norm.ts";
import { input } from "./input.ts";
import { iota } from "./iota.ts";
import { layer_norm } from "./layer-norm.ts";
import { less } from "./less.ts";
import { linear } from "./linear.ts";
import { log } from "./log.ts";
import { lstm } from "./lstm.ts";
import { matmul } from "./matmul.ts";
import { max_pool } from "./max-pool.ts";
import { maximum } from "./maximum.ts";
import { minimum } from "./minimum.ts";
import { mod } from "./mod.ts";
import { mul } from "./mul.ts";
import { neg } from "./neg.ts";
import { packed_attention } from "./packed-attention.ts";
import { pad } from "./pad.ts";
import { param } from "./param.ts";
import { pow } from "./pow.ts";
import { quantize } from "./quantize.ts";
import { reduce_max } from "./reduce-max.ts";
import { reduce_mean } from "./reduce-mean.ts";
import { reduce_sum } from "./reduce-sum.ts";
import { reshape } from "./reshape.ts";
import { resize } from "./resize.ts";
import { rms_norm } from "./rms-norm.ts";
import { roll } from "./roll.ts";
import { rsqrt } from "./rsqrt.ts";
import { sin } from "./sin.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { sqrt } from "./sqrt.ts";
import { sub } from "./sub.ts";
import { transpose } from "./transpose.ts";
import { where } from "./where.ts";

/** The closed table of ops. Tables of the backends are typed by its keys, so a forgotten op does not compile. */
export const ops = {
  abs,
  activation,
  add,
  attention,
  avg_pool,
  batch_norm,
  cast,
  clamp,
  concat,
  constant,
  conv,
  cos,
  dequantize,
  div,
  dynamic_matmul,
  equal,
  exp,
  expand,
  floor_div,
  fused_conv,
  gather,
  group_norm,
  input,
  iota,
  layer_norm,
  less,
  linear,
  log,
  lstm,
  matmul,
  max_pool,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  packed_attention,
  pad,
  param,
  pow,
  quantize,
  reduce_max,
  reduce_mean,
  reduce_sum,
  reshape,
  resize,
  rms_norm,
  roll,
  rsqrt,
  sin,
  slice,
  softmax,
  sqrt,
  sub,
  transpose,
  where,
} as const;

export type Ops = typeof ops;
export type OpName = keyof Ops;
export const opNames = Object.keys(ops) as readonly OpName[];

/** The record of an op without its types. The operands and attributes of a value in a graph fit it by construction. */
export const opOf = (name: OpName): AnyOp => ops[name] as unknown as AnyOp;
