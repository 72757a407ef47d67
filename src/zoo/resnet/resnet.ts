/**
 * ResNet and its descendants: He et al. 2015 (arXiv:1512.03385), ResNeXt (1611.05431), the C, D, S and T tweaks of
 * "Bag of Tricks" (1812.01187), SE (1709.01507), ECA (1910.03151), BlurPool (1904.11486), ResNet-RS (2103.07579).
 */
import { defineFamily } from "../define-family.ts";
import { basicBlock, bottleneck } from "./blocks.ts";
import { type BlockKind, type ResNetConfig, args } from "./config.ts";
import { networkGroups, refuseNetwork, residualNetwork } from "./network.ts";
import { variants } from "./variants.ts";

const kinds = { basic: { block: basicBlock, expansion: 1 }, bottleneck: { block: bottleneck, expansion: 4 } } as const;

const kindAt = ({ block }: ResNetConfig, stage: number): BlockKind =>
  typeof block === "string" ? block : (block[stage] ?? "bottleneck");

export default defineFamily({
  name: "resnet",
  paper: "https://arxiv.org/abs/1512.03385",
  args,
  variants,
  refuse: (c, given) => {
    if (kindAt(c, 0) === "basic" && (c.cardinality !== 1 || c.base_width !== 64))
      return "a basic block takes only cardinality=1 and base_width=64";
    return refuseNetwork(c, given);
  },
  groups: networkGroups,
  build: (s, input, c) => {
    if (c.widths) s.prune(c.widths);
    return residualNetwork(s, input, c, (stage) => kinds[kindAt(c, stage)]);
  },
});
