/** MobileViT: Mehta and Rastegari 2021 (arXiv:2110.02178) and 2022 (2206.02680), as networks of byobnet. */
import { defineFamily } from "../define-family.ts";
import { args } from "../byobnet/config.ts";
import { refuse } from "../byobnet/head.ts";
import { buildByobNet, groups } from "../byobnet/network.ts";
import { variants } from "./variants.ts";

export default defineFamily({
  name: "mobilevit",
  paper: "https://arxiv.org/abs/2110.02178",
  args,
  variants,
  refuse,
  groups,
  build: buildByobNet,
});
