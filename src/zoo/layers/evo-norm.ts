import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { type Act, act } from "./act.ts";

/**
 * Evolved norm-activation layers (Liu et al. 2020, arXiv:2004.02967, table 1) and filter response normalisation (Singh and
 * Krishnan 2019, arXiv:1911.09737) at inference, on NCHW maps. Where no activation is asked for, the plain forms keep only
 * the affine part; the "a" forms still divide by the deviation.
 */
interface Groups {
  readonly groups: number;
  readonly eps: number;
}

/** A parameter per channel, shaped to broadcast over [N, C, H, W]. */
const perChannel = (s: Scope, x: Value, name: string, kind: "parameter" | "buffer" = "parameter"): Value => {
  const channels = x.type.shape[1] ?? 0;
  return s.reshape(s.param(name, [channels], { kind }), { shape: [channels, 1, 1] });
};

const affine = (s: Scope, x: Value): Value => s.add(s.mul(x, perChannel(s, x, "weight")), perChannel(s, x, "bias"));

const square = (s: Scope, x: Value): Value => s.mul(x, x);
const meanOver = (s: Scope, x: Value, axes: readonly number[]): Value => s.reduce_mean(x, { axes, keep: true });
const centred = (s: Scope, x: Value, axes: readonly number[]): Value => s.sub(x, meanOver(s, x, axes));
const root = (s: Scope, x: Value, eps: number): Value => s.sqrt(s.add(x, s.scalar(eps)));

/** x over the root of its (centred) mean square in each group of channels and all positions. */
function overGroups(s: Scope, x: Value, y: Value, { groups, eps }: Groups, centre: boolean): Value {
  const [n = 1, c = 1, h = 1, w = 1] = x.type.shape;
  const channels = s.static(c, "the channels of a group statistic");
  const split = { shape: [n, groups, channels / groups, h, w] };
  const parts = s.reshape(x, split);
  const axes = [2, 3, 4];
  const moment = meanOver(s, square(s, centre ? centred(s, parts, axes) : parts), axes);
  return s.reshape(s.div(s.reshape(y, split), root(s, moment, eps)), { shape: x.type.shape });
}

const plane = [2, 3];
const instanceStd = (s: Scope, x: Value, eps: number): Value =>
  root(s, meanOver(s, square(s, centred(s, x, plane)), plane), eps);
const instanceRms = (s: Scope, x: Value, eps: number): Value => root(s, meanOver(s, square(s, x), plane), eps);

/** S0: x sigmoid(v x) / group deviation. */
export const evoNormS0 =
  (g: Groups, active: boolean, always: boolean): Module =>
  (s, x) => {
    const gated = active ? s.mul(x, s.activation(s.mul(x, perChannel(s, x, "v")), { kind: "sigmoid" })) : x;
    return affine(s, active || always ? overGroups(s, x, gated, g, true) : x);
  };

/** S1 and S2: silu(x) over the group's deviation, or over its root mean square. */
export const evoNormS1 =
  (g: Groups, active: boolean, always: boolean, centre: boolean): Module =>
  (s, x) => {
    const y = active ? s.call("act", act("silu"), x) : x;
    return affine(s, active || always ? overGroups(s, x, y, g, centre) : x);
  };

/** The right-hand sides of the batch forms: B0 v x + deviation, B1 (x + 1) rms, B2 rms - x. */
const batchRights = {
  b0: (s, x, eps) => s.add(s.mul(x, perChannel(s, x, "v")), instanceStd(s, x, eps)),
  b1: (s, x, eps) => s.mul(s.add(x, s.scalar(1)), instanceRms(s, x, eps)),
  b2: (s, x, eps) => s.sub(instanceRms(s, x, eps), x),
} as const satisfies Record<string, (s: Scope, x: Value, eps: number) => Value>;

/** B0, B1, B2: x / max(running deviation, right-hand side). */
export const evoNormB =
  (kind: keyof typeof batchRights, eps: number, active: boolean): Module =>
  (s, x) => {
    const variance = perChannel(s, x, "running_var", "buffer");
    if (!active) return affine(s, x);
    return affine(s, s.div(x, s.maximum(root(s, variance, eps), batchRights[kind](s, x, eps))));
  };

/** x / rms over height and width, affine, then the activation, or max with a learned threshold `tau`. */
export const filterResponseNorm =
  (eps: number, then: Act | "tau" | undefined): Module =>
  (s, x) => {
    const scaled = s.mul(x, s.rsqrt(s.add(meanOver(s, square(s, x), plane), s.scalar(eps))));
    const y = affine(s, scaled);
    if (then === "tau") return s.maximum(y, perChannel(s, x, "tau"));
    return then === undefined ? y : s.call("act", act(then), y);
  };
