/** The heads of byobnet: linear, with a hidden layer, or CLIP's pooling by attention. */
import { TimmcError } from "../../ir/error.ts";
import type { GlobalPool } from "../family.ts";
import { attentionPool2d } from "../layers/attention-pool-2d.ts";
import { type HeadModule, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import type { Pair } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import type { ByobConfig } from "./config.ts";

/** Pooling of maps: everything but attention's own. */
const mapPool = (pool: GlobalPool | "token" | undefined): GlobalPool =>
  pool === undefined || pool === "token" ? "avg" : pool;

export function head(c: ByobConfig, size: Pair | undefined): HeadModule {
  const options = { classes: c.num_classes, pool: mapPool(c.global_pool) };
  if (c.head_type === "mlp")
    return normMlpHead({
      ...options,
      norm: normAct(c.norm_layer, undefined),
      hidden: c.head_hidden_size,
      act: c.act_layer,
    });
  if (c.head_type !== "attn_abs") return classifierHead(options);
  return (s, x) => {
    if (size === undefined) throw new TimmcError("unsupported", "pooling by attention is made for a map of one size");
    const width = c.head_hidden_size || s.channels(x);
    if (width % 64 !== 0)
      throw new TimmcError("unsupported", `head_hidden_size=${width}: pooling by attention needs a multiple of 64`);
    return attentionPool2d({ width, classes: c.num_classes, size, pool: c.global_pool === "" ? "" : "token" })(s, x);
  };
}

/** What timm's constructor or its first forward pass refuses, or undefined. */
export function refuse(c: ByobConfig): string | undefined {
  const pool = c.global_pool;
  if (c.fixed_input_size && c.img_size === undefined) return "this network needs img_size";
  if (c.head_type === "attn_abs")
    return pool === undefined || pool === "" || pool === "token"
      ? undefined
      : `global_pool=${pool}: pooling by attention has only token and ""`;
  if (pool === "token") return "global_pool=token needs head_type=attn_abs";
  if (c.head_type === "mlp")
    return pool?.endsWith("catavgmax") === true
      ? `global_pool=${pool} doubles the channels, and the head's norm takes those of the last stage`
      : undefined;
  if (c.head_hidden_size !== undefined) return "head_hidden_size needs head_type=mlp or attn_abs";
  return pool === "" && c.num_classes > 0
    ? 'global_pool="" needs num_classes=0: the classifier takes no map'
    : undefined;
}
