import type { OpTable } from "./row.ts";
import { flags, row, widenedAt22 } from "./row.ts";

const autoPad = "auto_pad:string=NOTSET|SAME_UPPER|SAME_LOWER|VALID";
const window = `${autoPad} kernel_shape:ints! pads:ints strides:ints`;
const conv = `${autoPad} dilations:ints group:int kernel_shape:ints pads:ints strides:ints`;

const maxPool = `${window} dilations:ints ${flags("ceil_mode storage_order")}`;
const averagePool = `${window} ${flags("ceil_mode count_include_pad")}`;
const lstm =
  "activation_alpha:floats activation_beta:floats activations:strings clip:float hidden_size:int " +
  `direction:string=forward|reverse|bidirectional ${flags("input_forget layout")}`;
const lstmIo = "X:T W:T R:T B:T? sequence_lens:i32? initial_h:T? initial_c:T? P:T? -> Y:T? Y_h:T? Y_c:T?";

/** Convolutions, pooling, normalisation, recurrence and attention. */
export const nnOps: OpTable = {
  Conv: widenedAt22(11, "X:T W:T B:T? -> Y:T", conv),
  ConvTranspose: widenedAt22(11, "X:T W:T B:T? -> Y:T", `${conv} output_padding:ints output_shape:ints`),
  MaxPool: {
    12: row("X:T -> Y:T indices:i64?", "T=ieee|byte", maxPool),
    22: row("X:T -> Y:T indices:i64?", "T=float|byte", maxPool),
  },
  AveragePool: {
    11: row("X:T -> Y:T", "T=ieee", averagePool),
    19: row("X:T -> Y:T", "T=ieee", `${averagePool} dilations:ints`),
    22: row("X:T -> Y:T", "T=float", `${averagePool} dilations:ints`),
  },
  LpPool: {
    11: row("X:T -> Y:T", "T=ieee", `${window} p:int`),
    18: row("X:T -> Y:T", "T=ieee", `${window} p:int dilations:ints ${flags("ceil_mode")}`),
    22: row("X:T -> Y:T", "T=float", `${window} p:int dilations:ints ${flags("ceil_mode")}`),
  },
  GlobalAveragePool: widenedAt22(1, "X:T -> Y:T"),
  GlobalMaxPool: widenedAt22(1, "X:T -> Y:T"),

  BatchNormalization: {
    15: row(
      "X:T scale:T1 B:T1 input_mean:T2 input_var:T2 -> Y:T running_mean:T2? running_var:T2?",
      "T=float T1=float T2=float",
      `epsilon:float momentum:float ${flags("training_mode")}`,
    ),
  },
  InstanceNormalization: widenedAt22(6, "input:T scale:T B:T -> output:T", "epsilon:float"),
  LayerNormalization: {
    17: row(
      "X:T scale:T B:T? -> Y:T mean:U? inverse_deviation:U?",
      "T=float U=f32|bf16<stash_type<f32",
      "axis:int epsilon:float stash_type:int",
    ),
  },
  // Opset 18 has a GroupNormalization too, which ONNX withdrew: its scale and bias go by group and not by channel.
  GroupNormalization: {
    21: row("X:T scale:T bias:T -> Y:T", "T=float", "epsilon:float num_groups:int! stash_type:int"),
  },
  RMSNormalization: {
    23: row("X:T scale:V -> Y:V", "T=float V=float", "axis:int epsilon:float stash_type:int"),
  },
  LpNormalization: widenedAt22(1, "input:T -> output:T", "axis:int p:int=1|2"),
  Dropout: {
    13: row("data:T ratio:T1? training_mode:bool? -> output:T mask:bool?", "T=float T1=ieee", "seed:int"),
    22: row("data:T ratio:T1? training_mode:bool? -> output:T mask:bool?", "T=float T1=float", "seed:int"),
  },

  LSTM: widenedAt22(14, lstmIo, lstm),
  Attention: {
    23: row(
      "Q:T1 K:T1 V:T2 attn_mask:U? past_key:T1? past_value:T2? -> Y:T1 present_key:T1? present_value:T2? qk_matmul_output:T1?",
      "T1=float T2=float U=any",
      "kv_num_heads:int q_num_heads:int qk_matmul_output_mode:int=0|1|2|3 scale:float softcap:float " +
        `softmax_precision:int ${flags("is_causal")}`,
    ),
  },
  RotaryEmbedding: {
    23: row(
      "X:T cos_cache:T sin_cache:T position_ids:i64? -> Y:T",
      "T=f32|f16|bf16",
      `num_heads:int rotary_embedding_dim:int ${flags("interleaved")}`,
    ),
  },
};
