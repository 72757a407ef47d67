import type { Module, Scope } from "../scope.ts";
import type { Value } from "../../ir/value.ts";
import { maxPool } from "../layers/pool.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { actOf, convOf } from "./blocks.ts";
import type { NfNetConfig } from "./config.ts";

/** Channels of the stem's convolutions. */
function widths(c: NfNetConfig): readonly number[] {
  const out = makeDivisible((c.stem_chs ?? c.channels[0] ?? 0) * c.width_factor, c.ch_div);
  const part = (n: number): number => Math.floor(out / n);
  if (!c.stem_type.includes("deep")) return [out];
  if (c.stem_type.includes("quad")) return [part(8), part(4), part(2), out];
  return [c.stem_type.includes("tiered") ? Math.floor((3 * out) / 8) : part(2), part(2), out];
}

export const stemStride = (c: NfNetConfig): number => (/quad|pool/.test(c.stem_type) ? 4 : 2);

/** timm's activations in a stem write over what they see, where they can. */
const overwrites = ({ act_layer }: NfNetConfig): boolean => act_layer !== "gelu" && act_layer !== "identity";

/** A feature is the last but one convolution of a deep stem, or the only one of another. */
interface StemFeature {
  readonly module: string;
  readonly value: Value;
}

/** The convolutions are called conv, or conv1, act2, conv2 and so on. */
export function stem(s: Scope, x: Value, c: NfNetConfig): { readonly out: Value; readonly feature: StemFeature } {
  const layers = widths(c);
  const kernel = c.stem_type.includes("7x7") || c.stem_type === "" ? 7 : 3;
  let feature: StemFeature = { module: "stem.conv", value: x };
  const convolutions: Module = (t, image) =>
    layers.reduce((y, channels, i) => {
      const name = layers.length === 1 ? "conv" : `conv${i + 1}`;
      const last = i === layers.length - 1;
      const stride = i === 0 || (last && i === 3) ? 2 : 1;
      const value = t.call(name, convOf(c, channels, { kernel, stride }), y);
      const next = last ? value : t.call(`act${i + 2}`, actOf(c), value);
      if (layers.length === 1 || i === layers.length - 2)
        feature = { module: `stem.${name}`, value: overwrites(c) ? next : value };
      return next;
    }, image);
  const pool = c.stem_type.includes("pool") ? maxPool(3, { stride: 2, padding: 1 }) : undefined;
  const out = s.call("stem", (t, y) => t.chain(convolutions(t, y), { pool }), x);
  return { out, feature };
}
