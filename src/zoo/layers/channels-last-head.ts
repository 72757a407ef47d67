import type { GlobalPool } from "../family.ts";
import type { Module } from "../scope.ts";
import { fullyConnected } from "./classifier.ts";
import type { HeadModule } from "./classifier-head.ts";
import { globalPoolOver } from "./pool.ts";

interface ChannelsLastHeadOptions {
  readonly classes: number;
  readonly pool: GlobalPool;
  readonly format: "NHWC" | "NLC";
  /** Over the last axis. */
  readonly norm: Module;
}

/** The pools that timm's head has: it has none of the others. */
export const channelsLastPools = ["avg", "max", "avgmax", ""] as const;

/** timm's ClNormMlpClassifierHead without a hidden layer: pool, norm, `fc`. "" classifies every position. */
export const channelsLastHead =
  ({ classes, pool, format, norm }: ChannelsLastHeadOptions): HeadModule =>
  (s, x) => {
    const pooled = globalPoolOver(s, x, pool, format === "NLC" ? [1] : [1, 2]);
    const preLogits = s.chain(pooled, { norm });
    return { preLogits, logits: s.chain(preLogits, { fc: fullyConnected(classes) }) };
  };
