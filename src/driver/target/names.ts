/** What a model is compiled to. */
export const targetNames = ["onnx", "webgpu", "cuda"] as const;
export type TargetName = (typeof targetNames)[number];

export const defaultTarget: TargetName = "onnx";

/** What tensors are kept in; sums are of float32 either way. */
export const precisions = ["fp32", "fp16"] as const;
export type Precision = (typeof precisions)[number];
