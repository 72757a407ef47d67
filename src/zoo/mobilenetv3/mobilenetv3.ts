/**
 * MobileNetV3 (Howard et al. 2019, arXiv:1905.02244) and V4 (Qin et al. 2024, 2404.10518), FBNetV3 (2006.02049), PP-LCNet
 * (2109.15099): blocks as in EfficientNet, but the map is pooled before the last convolution.
 */
import { defineFamily } from "../define-family.ts";
import { args } from "./config.ts";
import { buildMobileNetV3, groups, refuse } from "./model.ts";
import { variants } from "./variants.ts";

export default defineFamily({
  name: "mobilenetv3",
  paper: "https://arxiv.org/abs/1905.02244",
  args,
  variants,
  refuse,
  groups,
  build: buildMobileNetV3,
});
