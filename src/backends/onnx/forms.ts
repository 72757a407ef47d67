/** Which operators an emitted graph may have: those of the ONNX standard, or ONNX Runtime's own too, where these pay. */
export type OperatorSet = "standard" | "ort";

/** What decides which forms exist. */
export interface Forms {
  /** The version of the standard operator set. */
  readonly opset: number;
  readonly ops: OperatorSet;
}

/** The domain of ONNX Runtime's own operators, and the version of it that timmc writes. */
export const contribDomain = "com.microsoft";
export const contribVersion = 1;
