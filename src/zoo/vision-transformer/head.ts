import type { Value } from "../../ir/value.ts";
import { attentionPoolLatent, attentionPoolPrr } from "../layers/attention-pool.ts";
import { type Head, fullyConnected } from "../layers/classifier.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { tokenNorm } from "../layers/token-norm.ts";
import { dropTokens, tokenAt } from "../layers/tokens.ts";
import type { Scope } from "../scope.ts";
import { type VitConfig, mlpWidth, normsPooled } from "./config.ts";

/** Pool, `fc_norm` where the final norm comes after pooling, classifier. `skip` tokens precede those of the patches. */
export function classify(s: Scope, tokens: Value, c: VitConfig, skip: number): Head {
  const norm = c.final_norm && normsPooled(c) ? tokenNorm(c.norm_layer) : undefined;
  const preLogits = s.chain(pool(s, tokens, c, skip), { fc_norm: norm });
  return { preLogits, logits: s.chain(preLogits, { head: fullyConnected(c.num_classes) }) };
}

/** Tokens [N, L, C] to [N, C]; "" keeps them. */
function pool(s: Scope, x: Value, c: VitConfig, skip: number): Value {
  const patches = (): Value => (c.pool_include_prefix ? x : dropTokens(s, x, skip));
  const heads = c.num_heads;
  switch (c.global_pool) {
    case "":
      return x;
    case "token":
      return tokenAt(s, x, 0);
    case "avg":
    case "avgmax":
    case "max":
      return globalPoolOver(s, patches(), c.global_pool, [1]);
    case "map": {
      const norm = tokenNorm(c.norm_layer);
      return s.call(
        "attn_pool",
        attentionPoolLatent({ heads, hidden: mlpWidth(c), norm, act: c.act_layer }),
        patches(),
      );
    }
    case "prr":
      return s.call("attn_pool", attentionPoolPrr({ heads, pool: c.class_token ? "token" : "avg" }), x);
    default:
      return c.global_pool satisfies never;
  }
}
