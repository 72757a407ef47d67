import type { OpTable } from "./row.ts";
import { flags, row } from "./row.ts";

const quantizeIo = "x:T1 y_scale:T1 y_zero_point:T2? -> y:T2";
const dequantizeIo = "x:T1 x_scale:T2 x_zero_point:T1? -> y:T2";
const narrow = "byte|u16|i16|nibble";
const conv =
  "auto_pad:string=NOTSET|SAME_UPPER|SAME_LOWER|VALID dilations:ints group:int kernel_shape:ints pads:ints strides:ints";
const bytes = "T1=byte T2=byte T3=byte";

/** Quantisation. Without a zero point the quantized type is u8, unless `output_dtype` says another (opset 21). */
export const quantOps: OpTable = {
  QuantizeLinear: {
    13: row("x:T1 y_scale:f32 y_zero_point:T2? -> y:T2", "T1=f32|i32 T2=byte<u8", "axis:int"),
    19: row(quantizeIo, "T1=f32|f16|bf16|i32 T2=byte<u8", `axis:int ${flags("saturate")}`),
    21: row(
      quantizeIo,
      `T1=f32|f16|bf16|i32 T2=${narrow}<output_dtype<u8`,
      `axis:int block_size:int output_dtype:int ${flags("saturate")}`,
    ),
    23: row(
      "x:T1 y_scale:T2 y_zero_point:T3? -> y:T3",
      `T1=f32|f16|bf16|i32 T2=f32|f16|bf16|i32 T3=${narrow}<output_dtype<u8`,
      `axis:int block_size:int output_dtype:int precision:int ${flags("saturate")}`,
    ),
  },
  DequantizeLinear: {
    13: row("x:T x_scale:f32 x_zero_point:T? -> y:f32", "T=byte|i32", "axis:int"),
    19: row(dequantizeIo, "T1=byte|i32 T2=f32|f16|bf16", "axis:int"),
    21: row(dequantizeIo, `T1=${narrow}|i32 T2=f32|f16|bf16`, "axis:int block_size:int"),
    23: row(
      "x:T1 x_scale:T2 x_zero_point:T1? -> y:T3",
      `T1=${narrow}|i32 T2=f32|f16|bf16 T3=f32|f16|bf16<output_dtype<T2`,
      "axis:int block_size:int output_dtype:int",
    ),
  },
  DynamicQuantizeLinear: { 11: row("x:f32 -> y:u8 y_scale:f32 y_zero_point:u8") },
  MatMulInteger: {
    10: row("A:T1 B:T2 a_zero_point:T1? b_zero_point:T2? -> Y:i32", "T1=byte T2=byte"),
  },
  ConvInteger: {
    10: row("x:T1 w:T2 x_zero_point:T1? w_zero_point:T2? -> y:i32", "T1=byte T2=byte", conv),
  },
  QLinearConv: {
    10: row(
      "x:T1 x_scale:f32 x_zero_point:T1 w:T2 w_scale:f32 w_zero_point:T2 y_scale:f32 y_zero_point:T3 B:i32? -> y:T3",
      bytes,
      conv,
    ),
  },
  QLinearMatMul: {
    10: row(
      "a:T1 a_scale:f32 a_zero_point:T1 b:T2 b_scale:f32 b_zero_point:T2 y_scale:f32 y_zero_point:T3 -> y:T3",
      bytes,
    ),
    21: row(
      "a:T1 a_scale:TS a_zero_point:T1 b:T2 b_scale:TS b_zero_point:T2 y_scale:TS y_zero_point:T3 -> y:T3",
      `${bytes} TS=f32|f16|bf16`,
    ),
  },
};
