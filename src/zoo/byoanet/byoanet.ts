/**
 * byobnet with attention over positions in some bottlenecks: Bottleneck Transformers (arXiv:2101.11605), HaloNet
 * (2103.12731), LambdaNetworks (2102.08602).
 */
import { defineFamily } from "../define-family.ts";
import { args } from "../byobnet/config.ts";
import { refuse } from "../byobnet/head.ts";
import { buildByobNet, groups } from "../byobnet/network.ts";
import { variants } from "./variants.ts";

export default defineFamily({
  name: "byoanet",
  paper: "https://arxiv.org/abs/2101.11605",
  args,
  variants,
  refuse,
  groups,
  build: buildByobNet,
});
