import type { OpName } from "../../../ir/ops/index.ts";
import type { Lowering } from "./context.ts";
import { conv, fusedConv, linear } from "./conv.ts";
import { activation, cast, clamp, floorDiv, rsqrt, same } from "./elementwise.ts";
import { packedAttention } from "./attention.ts";
import { dequantize, dynamicMatmul, quantize } from "./quantized.ts";
import { iota } from "./iota.ts";
import { lstm } from "./lstm.ts";
import { concat, expand, gather, pad, reduction, reshape, slice, transpose } from "./movement.ts";
import { batchNorm, groupNorm, layerNorm, rmsNorm, softmax } from "./norm.ts";
import { avgPool, maxPool } from "./pool.ts";
import { resize } from "./resize.ts";
import { legalized, source } from "./sources.ts";

/** Every op's form in ONNX's operators, after legalisation. */
export const lowerings: { readonly [N in OpName]: Lowering<N> } = {
  abs: same("Abs"),
  activation,
  add: same("Add"),
  attention: legalized,
  avg_pool: avgPool,
  batch_norm: batchNorm,
  cast,
  clamp,
  concat,
  constant: source,
  conv,
  cos: same("Cos"),
  dequantize,
  div: same("Div"),
  dynamic_matmul: dynamicMatmul,
  equal: same("Equal"),
  exp: same("Exp"),
  expand,
  floor_div: floorDiv,
  fused_conv: fusedConv,
  gather,
  group_norm: groupNorm,
  input: source,
  iota,
  layer_norm: layerNorm,
  less: same("Less"),
  linear,
  log: same("Log"),
  lstm,
  matmul: same("MatMul"),
  max_pool: maxPool,
  maximum: same("Max"),
  minimum: same("Min"),
  mod: same("Mod"),
  mul: same("Mul"),
  neg: same("Neg"),
  packed_attention: packedAttention,
  pad,
  param: source,
  pow: same("Pow"),
  quantize,
  reduce_max: reduction("ReduceMax"),
  reduce_mean: reduction("ReduceMean"),
  reduce_sum: reduction("ReduceSum"),
  reshape,
  resize,
  rms_norm: rmsNorm,
  roll: legalized,
  rsqrt,
  sin: same("Sin"),
  slice,
  softmax,
  sqrt: same("Sqrt"),
  sub: same("Sub"),
  transpose,
  where: same("Where"),
};
