import type { Value } from "../../ir/value.ts";
import type { GlobalPool } from "../family.ts";
import type { Module, Scope } from "../scope.ts";
import { type ActName, act } from "./act.ts";
import { type Head, fullyConnected } from "./classifier.ts";
import { conv2d } from "./conv.ts";
import { linear } from "./linear.ts";
import { globalPool2d, globalPoolOver } from "./pool.ts";

/** A head is a module with two results to show: what enters the classifier and what leaves it. */
export type HeadModule = (s: Scope, x: Value) => Head;

/** Calls a head under its name; the tap of that name is the logits. */
export function callHead(s: Scope, name: string, head: HeadModule, x: Value): Head {
  let preLogits = x;
  const logits = s.call(
    name,
    (t, y) => {
      const result = head(t, y);
      preLogits = result.preLogits;
      return result.logits;
    },
    x,
  );
  return { preLogits, logits };
}

/** [N, C, 1, 1] to [N, C]. */
export const flatten: Module = (s, x) => s.reshape(x, { shape: x.type.shape.slice(0, 2) });

interface ClassifierHeadOptions {
  readonly classes: number;
  readonly pool: GlobalPool;
  /** The layout of the map: pooled over its height and width. */
  readonly format?: "NCHW" | "NHWC";
  /** A 1x1 convolution as the classifier, flattened after it. */
  readonly conv?: boolean;
  /** The classifier's name. */
  readonly fc?: string;
}

/** timm's ClassifierHead: `global_pool`, then `fc`. Without a pool the classifier sees every position of an NHWC map. */
export const classifierHead =
  ({ classes, pool, format = "NCHW", conv = false, fc = "fc" }: ClassifierHeadOptions): HeadModule =>
  (s, x) => {
    const over: Module = (t, y) => globalPoolOver(t, y, pool, [1, 2]);
    const pooled = s.call("global_pool", format === "NHWC" ? over : globalPool2d(pool, conv), x);
    if (!conv) return { preLogits: pooled, logits: s.chain(pooled, { [fc]: fullyConnected(classes) }) };
    const logits = s.chain(pooled, { [fc]: classes > 0 ? conv2d(classes, { bias: true }) : undefined });
    const flat = pool === "" ? undefined : flatten;
    return { preLogits: s.chain(pooled, { flatten: flat }), logits: s.chain(logits, { flatten: flat }) };
  };

interface NormMlpHeadOptions {
  readonly classes: number;
  readonly pool: GlobalPool;
  /** Over NCHW maps. */
  readonly norm: Module;
  /** Width of a hidden layer before the classifier; none without it. */
  readonly hidden?: number | undefined;
  readonly act?: ActName;
}

/**
 * timm's NormMlpClassifierHead: pool to 1x1, norm, flatten, (fc and activation), fc. Without a pool every linear layer is
 * a 1x1 convolution on the map.
 */
export const normMlpHead =
  ({ classes, pool, norm, hidden = 0, act: name = "tanh" }: NormMlpHeadOptions): HeadModule =>
  (s, x) => {
    const map = pool === "";
    const project = (out: number): Module => (map ? conv2d(out, { bias: true }) : linear(out));
    const preLogits = s.chain(x, {
      global_pool: globalPool2d(pool, true),
      norm,
      flatten: map ? undefined : flatten,
      pre_logits: hidden > 0 ? (t, y) => t.chain(y, { fc: project(hidden), act: act(name) }) : undefined,
    });
    return { preLogits, logits: s.chain(preLogits, { fc: classes > 0 ? project(classes) : undefined }) };
  };
