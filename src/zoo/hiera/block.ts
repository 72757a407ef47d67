/** The block of Hiera (arXiv:2306.00989, fig. 2): attention within mask units or of all tokens, an MLP. */
import { floorDivDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";

export interface BlockOptions {
  readonly out: number;
  readonly heads: number;
  /** Tokens whose maximum becomes one. */
  readonly pool: number;
  /** Tokens of a window after pooling; all of them without it. */
  readonly window: number | undefined;
  readonly mlpRatio: number;
  readonly scaled: boolean;
  /** Wider blocks project their shortcut; without it maximum and mean stand side by side. */
  readonly project: boolean;
  readonly norm: Module;
}

/** Attention of tokens in Hiera's order: those of a window stand one number of windows apart. */
const maskUnitAttention =
  ({ out, heads, pool, window }: BlockOptions): Module =>
  (s, x) => {
    const [n = 1, length = 1] = x.type.shape;
    const count = s.static(length, "mask units are of a known number of tokens");
    const windows = window === undefined ? 1 : count / (pool * window);
    const dim = Math.floor(out / heads);
    const tokens = count / windows;
    const packed = s.call("qkv", linear(3 * out), x);
    const parts = split(s, packed, [out, out, out]);
    const apart = (part: Value): Value =>
      s.transpose(s.reshape(part, { shape: [n, tokens, windows, heads, dim] }), { perm: [0, 3, 2, 1, 4] });
    const [q, k, v] = [apart(parts[0]), apart(parts[1]), apart(parts[2])];
    const groups = s.reshape(q, { shape: [n, heads, windows, pool, tokens / pool, dim] });
    const asked = pool === 1 ? q : s.reduce_max(groups, { axes: [3] });
    const mixed = s.attention(asked, k, v, undefined, { scale: dim ** -0.5 });
    const joined = s.reshape(s.transpose(mixed, { perm: [0, 3, 2, 1, 4] }), { shape: [n, count / pool, out] });
    return s.call("proj", linear(out), joined);
  };

/** [N, L, C] as [N, pool, L / pool, C]: what is pooled comes first. */
const pooledAxis = (s: Scope, x: Value, pool: number): Value => {
  const [n = 1, length = 1, c = 1] = x.type.shape;
  return s.reshape(x, { shape: [n, pool, floorDivDim(length, pool), c] });
};

function shortcut(s: Scope, x: Value, normed: Value, { out, pool, project }: BlockOptions): Value {
  if (x.type.shape[2] === out) return x;
  if (project) return s.reduce_max(pooledAxis(s, s.call("proj", linear(out), normed), pool), { axes: [1] });
  const groups = pooledAxis(s, x, pool);
  return s.concat([s.reduce_max(groups, { axes: [1] }), s.reduce_mean(groups, { axes: [1] })], { axis: 2 });
}

export const hieraBlock =
  (o: BlockOptions): Module =>
  (s, x) => {
    const normed = s.call("norm1", o.norm, x);
    const ls = o.scaled ? layerScale : undefined;
    const attended = s.chain(normed, { attn: maskUnitAttention(o), ls1: ls });
    const y = s.add(shortcut(s, x, normed, o), attended);
    return s.add(y, s.chain(y, { norm2: o.norm, mlp: mlp(Math.trunc(o.out * o.mlpRatio)), ls2: ls }));
  };
