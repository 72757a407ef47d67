/**
 * Vision Transformer and its descendants: Dosovitskiy et al. 2020 (arXiv:2010.11929), AugReg (2106.10270), FlexiViT
 * (2212.08013), CLIP (2103.00020), SigLIP (2303.15343), DINOv2 (2304.07193), AIMv2 (2411.14402), BEiT-3 (2208.10442).
 */
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { bool, inert } from "../schema.ts";
import { args, refuse } from "./config.ts";
import { buildVisionTransformer } from "./model.ts";
import { prefixOf } from "./encoder.ts";
import { remap } from "./remap.ts";
import { activationCaution } from "./remap-clip.ts";
import { variants } from "./variants.ts";

const familyArgs = {
  ...args,
  use_naflex: bool(false, "the NaFlexViT of the same weights, which is not built from these names"),
  pretrained_strict: inert("what timm checks when it loads weights"),
};

export default defineFamily<typeof familyArgs>({
  name: "vision_transformer",
  paper: "https://arxiv.org/abs/2010.11929",
  args: familyArgs,
  variants,
  lastStages: 3,
  refuse: (c) =>
    c.use_naflex ? "use_naflex=true builds a NaFlexViT: name a naflexvit architecture instead" : refuse(c),
  groups: () => [
    stemGroup(/cls_token|reg_token|pos_embed|patch_embed/),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  build: buildVisionTransformer,
  remap: (c) => remap(c, prefixOf(c), activationCaution(c)),
});
