/**
 * Which operators an emitted graph may have: those of the ONNX standard, or ONNX Runtime's own too, where these pay.
 *
 * ONNX Runtime 1.30 on a CPU runs both at one speed, for it fuses the standard's spellings itself; what `ort` saves is
 * that work: FusedConv, Gelu and QuickGelu leave 56 of resnet50's 121 nodes and 164 of efficientnet_b0's 238, and a
 * session is created in 0.82 to 0.92 of the time (mobilenets, efficientnet_b0, vit_tiny; resnet50 1.0). FastGelu takes
 * 0.52 of the time of gelu by tanh before opset 20, which is the one spelling that is not fused.
 * Left out, by the same measurements (bench/forms): BiasGelu 1.16 to 1.25 of Add and Gelu, MultiHeadAttention 1.00 to
 * 1.08 of the products and softmax, SkipLayerNormalization 1.00 and FusedMatMul 1.00 to 1.05, which save no node that
 * ONNX Runtime does not save alone.
 */
export type OperatorSet = "standard" | "ort";

/** What decides which forms exist. */
export interface Forms {
  /** The version of the standard operator set. */
  readonly opset: number;
  readonly ops: OperatorSet;
}

/** Where nothing else is asked for: what every runtime has. */
export const defaultForms: Forms = { opset: 17, ops: "standard" };

/** The domain of ONNX Runtime's own operators, and the version of it that timmc writes. */
export const contribDomain = "com.microsoft";
export const contribVersion = 1;
