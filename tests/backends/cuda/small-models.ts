import type { CompileRequest } from "../../../src/driver/compile.ts";

/** Networks of every kind that compile in seconds. */
export const smallModels: readonly Pick<CompileRequest, "model" | "inputSize" | "args" | "taps">[] = [
  { model: "test_resnet", inputSize: [3, 64, 64], taps: ["logits", "features.2"] },
  { model: "test_vit", inputSize: [3, 160, 160] },
  { model: "test_efficientnet", inputSize: [3, 64, 64], taps: ["logits", "features"] },
  { model: "convnext_atto", inputSize: [3, 64, 64], args: { depths: [1, 1, 1, 1], dims: [16, 24, 40, 48] } },
  {
    model: "swin_tiny_patch4_window7_224",
    inputSize: [3, 56, 56],
    args: { img_size: 56, depths: [2, 2], num_heads: [2, 4], embed_dim: 16 },
  },
];
