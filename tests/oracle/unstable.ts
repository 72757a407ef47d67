/**
 * Outputs that rounding decides, by record. With the synthetic weights the attention scores of these networks reach hundreds, so
 * that a softmax picks one key, and where two keys are equal within float32's rounding it is the rounding that picks; block after
 * block multiplies the difference. No float32 program can be held to such a number, timm's own included: the last bit of
 * the input moves it, which `numerics.test.ts` shows for every entry. These outputs are compared by shape alone; what
 * comes before them in the same network is compared in full.
 */
export const unstable: Readonly<Record<string, readonly string[]>> = {
  "mobilenetv4_hybrid_medium?features_only=True,output_stride=8": ["features.4"],
};
