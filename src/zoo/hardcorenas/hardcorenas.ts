/** HardCoRe-NAS: Nayman et al. 2021 (arXiv:2102.11646), networks of MobileNetV3's blocks searched under latency bounds. */
import { defineFamily } from "../define-family.ts";
import { args } from "../mobilenetv3/config.ts";
import { buildMobileNetV3, groups, refuse } from "../mobilenetv3/model.ts";
import { variants } from "./variants.ts";

export default defineFamily({
  name: "hardcorenas",
  paper: "https://arxiv.org/abs/2102.11646",
  args,
  variants,
  refuse,
  groups,
  build: buildMobileNetV3,
});
