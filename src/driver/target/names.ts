/** What a model is compiled to. */
export const targetNames = ["onnx", "webgpu", "cuda"] as const;
export type TargetName = (typeof targetNames)[number];

export const defaultTarget: TargetName = "onnx";
