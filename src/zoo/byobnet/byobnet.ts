/**
 * Networks from rows of blocks ("bring your own blocks"): GENet (arXiv:2006.14090), RepVGG (2101.03697), MobileOne
 * (2206.04040), RegNetZ (2103.06877), CLIP's ResNets (2103.00020), and ResNets with other stems, blocks and attention.
 */
import { defineFamily } from "../define-family.ts";
import { args } from "./config.ts";
import { refuse } from "./head.ts";
import { buildByobNet, groups } from "./network.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

export default defineFamily({
  name: "byobnet",
  paper: "https://arxiv.org/abs/2101.03697",
  args,
  variants,
  refuse,
  groups,
  remap: () => remap,
  build: buildByobNet,
});
