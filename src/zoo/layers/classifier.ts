import type { Value } from "../../ir/value.ts";
import type { GlobalPool } from "../family.ts";
import type { Module, Scope } from "../scope.ts";
import { linear } from "./linear.ts";
import { globalPool2d } from "./pool.ts";

export interface Head {
  readonly preLogits: Value;
  readonly logits: Value;
}

/** The classifier, or nothing for 0 classes. */
export const fullyConnected = (classes: number): Module | undefined => (classes > 0 ? linear(classes) : undefined);

/** Pool, then a linear classifier called `fc` in the scope itself (timm's create_classifier). */
export function poolAndClassify(s: Scope, x: Value, pool: GlobalPool, classes: number, fc = "fc"): Head {
  const preLogits = s.call("global_pool", globalPool2d(pool), x);
  return { preLogits, logits: s.chain(preLogits, { [fc]: fullyConnected(classes) }) };
}

/** Why a network whose classifier is a linear layer takes no such pooling, or undefined. */
export const refuseUnpooled = (c: {
  readonly global_pool: GlobalPool;
  readonly num_classes: number;
}): string | undefined =>
  c.global_pool === "" && c.num_classes > 0
    ? 'global_pool="" needs num_classes=0: the classifier takes no map'
    : undefined;
