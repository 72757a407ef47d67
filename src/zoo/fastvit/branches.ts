/** Sums of convolutions that one convolution replaces at inference (arXiv:2303.14189, fig. 2; arXiv:2206.04040). */
import type { Value } from "../../ir/value.ts";
import { type ActName, act } from "../layers/act.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { conv2d } from "../layers/conv.ts";
import { convBn } from "../layers/conv-bn.ts";
import { batchNorm } from "../layers/norm.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { Module, Scope } from "../scope.ts";

interface BranchOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly depthwise?: boolean;
  readonly act?: ActName | undefined;
  readonly se?: boolean;
  /** One convolution instead of the sum. */
  readonly merged: boolean;
}

interface MobileOneOptions extends BranchOptions {
  /** Branches beside the identity's norm. */
  readonly convs?: number;
  readonly scale?: boolean;
}

const groupsOf = (s: Scope, x: Value, { depthwise = false }: BranchOptions): number => (depthwise ? s.channels(x) : 1);

const merged = (s: Scope, x: Value, out: number, o: BranchOptions): Value =>
  s.call(
    "reparam_conv",
    conv2d(out, { kernel: o.kernel, stride: o.stride ?? 1, groups: groupsOf(s, x, o), bias: true }),
    x,
  );

const sum = (s: Scope, values: readonly Value[]): Value | undefined =>
  values.length === 0 ? undefined : values.reduce((a, b) => s.add(a, b));

/** MobileOne's block: 1x1, identity and larger convolutions, each with a batch norm. */
export const mobileOne =
  (out: number, o: MobileOneOptions): Module =>
  (s, x) => {
    const { kernel, stride = 1, convs = 1, scale = true } = o;
    const groups = groupsOf(s, x, o);
    const branches = (): Value => {
      const point = kernel > 1 && scale ? [s.call("conv_scale", convBn(out, { stride, groups }, "conv"), x)] : [];
      const identity = x.type.shape[1] === out && stride === 1 ? [s.call("identity", batchNorm(), x)] : [];
      const large = Array.from({ length: convs }, (_, i) =>
        s.at("conv_kxk").call(i, convBn(out, { kernel, stride, groups }, "conv"), x),
      );
      return sum(s, [...point, ...identity, ...large]) ?? x;
    };
    const se = squeezeExcite({ width: makeDivisible(out / 16, 1, 1, 0) });
    return s.chain(o.merged ? merged(s, x, out, o) : branches(), {
      se: o.se === true ? se : undefined,
      act: o.act === undefined ? undefined : act(o.act),
    });
  };

/** A large depthwise convolution and a small one. */
export const largeKernel =
  (out: number, o: BranchOptions): Module =>
  (s, x) => {
    const { kernel, stride = 1 } = o;
    const groups = groupsOf(s, x, o);
    const branches = (): Value => {
      const large = s.call("large_conv", convBn(out, { kernel, stride, groups }, "conv"), x);
      return s.add(large, s.call("small_conv", convBn(out, { kernel: 3, stride, groups }, "conv"), x));
    };
    return s.chain(o.merged ? merged(s, x, out, o) : branches(), {
      se: o.se === true ? squeezeExcite({ ratio: 0.25 }) : undefined,
      act: o.act === undefined ? undefined : act(o.act),
    });
  };

/** A depthwise convolution added to its input, for positions. */
export const positionEncoding =
  (mergedForm: boolean): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const conv = conv2d(channels, { kernel: 7, groups: channels, bias: true });
    return mergedForm ? s.call("reparam_conv", conv, x) : s.add(s.call("pos_enc", conv, x), x);
  };
