import type { Value } from "../../ir/value.ts";
import { type Arg, oneOf } from "../schema.ts";
import type { Scope } from "../scope.ts";
import { type Head, fullyConnected } from "./classifier.ts";
import { dropTokens, tokenAt } from "./tokens.ts";

const pools = ["", "token", "avg"] as const;
export type TokenPool = (typeof pools)[number];

/** The argument `global_pool` of networks with a class token. */
export const tokenPool = (fallback: TokenPool): Arg<TokenPool> =>
  oneOf(pools, fallback, 'the class token, or the mean of the patches; "" keeps all tokens');

/** Tokens [N, L, C] to [N, C]: the first, or the mean of those after `prefix`; "" keeps them. */
export function poolTokens(s: Scope, x: Value, pool: TokenPool, prefix = 1): Value {
  if (pool === "") return x;
  return pool === "token" ? tokenAt(s, x, 0) : s.reduce_mean(dropTokens(s, x, prefix), { axes: [1] });
}

/** Pool, and a linear classifier `head`. */
export function poolAndHead(s: Scope, x: Value, pool: TokenPool, classes: number): Head {
  const preLogits = poolTokens(s, x, pool);
  return { preLogits, logits: s.chain(preLogits, { head: fullyConnected(classes) }) };
}
