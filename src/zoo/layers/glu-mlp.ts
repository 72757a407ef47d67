import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { type ActName, act } from "./act.ts";
import { linear } from "./linear.ts";
import { layerNorm } from "./norm.ts";
import { split } from "./split.ts";

interface GluOptions {
  readonly act?: ActName;
  readonly bias?: boolean;
  /** Before fc2. */
  readonly norm?: Module | undefined;
}

/**
 * A gated MLP (Dauphin et al. 2016, Shazeer 2020; timm's GluMlp): fc1 makes `hidden` features, an even number, one half
 * of which passes the activation and multiplies the other. The gate is the second half unless `gateLast` is false, as
 * in SwiGLUPacked.
 */
export const gluMlp =
  (
    hidden: number,
    { act: name = "sigmoid", bias = true, norm, gateLast = true }: GluOptions & { readonly gateLast?: boolean } = {},
  ): Module =>
  (s, x) => {
    const width = s.features(x);
    const [first, second] = split(s, s.call("fc1", linear(hidden, { bias }), x), [hidden / 2, hidden / 2]);
    const gated = gateLast
      ? s.mul(first, s.call("act", act(name), second))
      : s.mul(s.call("act", act(name), first), second);
    return s.chain(gated, { norm, fc2: linear(width, { bias }) });
  };

/** The same with a linear layer for the gate and one for what it multiplies (timm's SwiGLU). */
export const swiGlu =
  (hidden: number, { act: name = "silu", bias = true, norm }: GluOptions = {}): Module =>
  (s, x) => {
    const width = s.features(x);
    const project = (child: string): Value => s.call(child, linear(hidden, { bias }), x);
    const gate = s.call("act", act(name), project("fc1_g"));
    return s.chain(s.mul(gate, project("fc1_x")), { norm, fc2: linear(width, { bias }) });
  };

/** A norm, then a gate and what it multiplies, under the names of ViTamin (timm's GeGluMlp). */
export const geGlu =
  (hidden: number, { act: name = "gelu" }: Pick<GluOptions, "act"> = {}): Module =>
  (s, x) => {
    const width = s.features(x);
    const y = s.call("norm", layerNorm(1e-6), x);
    const gate = s.call("act", act(name), s.call("w0", linear(hidden), y));
    return s.call("w2", linear(width), s.mul(gate, s.call("w1", linear(hidden), y)));
  };
