import type { CompileRequest } from "../../../src/driver/compile.ts";

type SmallModel = Pick<CompileRequest, "model" | "inputSize" | "args" | "taps"> & {
  readonly precision: "fp32" | "fp16";
};

/** Networks of every kind that compile in seconds. */
export const smallModels: readonly SmallModel[] = [
  { model: "test_resnet", precision: "fp32", inputSize: [3, 64, 64], taps: ["logits", "features.2"] },
  // Large enough for tiles of matrix instructions with two warps each way, and features that others read as halves.
  { model: "test_resnet", precision: "fp16", inputSize: [3, 256, 256], taps: ["logits", "features.2"] },
  { model: "test_vit", precision: "fp32", inputSize: [3, 160, 160] },
  { model: "test_vit", precision: "fp16", inputSize: [3, 160, 160] },
  { model: "test_efficientnet", precision: "fp32", inputSize: [3, 64, 64], taps: ["logits", "features"] },
  {
    model: "convnext_atto",
    precision: "fp32",
    inputSize: [3, 64, 64],
    args: { depths: [1, 1, 1, 1], dims: [16, 24, 40, 48] },
  },
  {
    model: "swin_tiny_patch4_window7_224",
    precision: "fp32",
    inputSize: [3, 56, 56],
    args: { img_size: 56, depths: [2, 2], num_heads: [2, 4], embed_dim: 16 },
  },
];
