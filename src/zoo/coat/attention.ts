/** Factorised attention and positions by convolution (Xu et al. 2021, section 3). */
import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import { dropTokens } from "../layers/tokens.ts";
import type { Module, Scope } from "../scope.ts";
import type { CoatConfig, StageNumber } from "./config.ts";

export type Grid = readonly [Dim, Dim];

export const classToken = (s: Scope, x: Value): Value => s.slice(x, { axis: 1, range: [0, 1] });

/** Eq. 5: a depthwise convolution of the patches, added to them; blocks of a stage share it. */
export const convPositions =
  (grid: Grid): Module =>
  (s, x) => {
    const map = toMap(s, dropTokens(s, x, 1), grid);
    const mixed = s.add(s.call("proj", depthwise({ kernel: 3, bias: true }), map), map);
    return s.concat([classToken(s, x), toTokens(s, mixed)], { axis: 1 });
  };

/** Windows of the relative positions, and how many heads see each. */
const windows = [
  [3, 2],
  [5, 3],
  [7, 3],
] as const;

/** Eq. 8: queries [N, L, C] times depthwise convolutions of the values, wider for later heads; nothing for the class token. */
function relativePositions(s: Scope, q: Value, v: Value, heads: number, grid: Grid): Value {
  const width = s.features(q);
  const map = toMap(s, dropTokens(s, v, 1), grid);
  const extents = windows.map(([, count]) => (count * width) / heads);
  const maps = split(s, map, extents, 1).map((part, i) => {
    const kernel = windows[i]?.[0] ?? 3;
    const groups = extents[i] ?? 1;
    return s.at("conv_list").call(i, conv2d(groups, { kernel, groups, bias: true }), part);
  });
  const mixed = s.mul(dropTokens(s, q, 1), toTokens(s, s.concat(maps, { axis: 1 })));
  return s.pad(mixed, { padding: [0, 1, 0, 0, 0, 0] });
}

/** Entries of the checkpoint that repeat those of a module which several share, under each of its names. */
export function repeatEntries(s: Scope, name: string, shapes: Readonly<Record<string, readonly number[]>>): void {
  for (const [entry, shape] of Object.entries(shapes)) s.param(`${name}.${entry}`, shape, { kind: "buffer" });
}

const convShapes = (width: number, heads: number): Record<string, readonly number[]> =>
  Object.fromEntries(
    windows.flatMap(([kernel, count], i): [string, readonly number[]][] => {
      const channels = (count * width) / heads;
      return [
        [`conv_list.${i}.weight`, [channels, 1, kernel, kernel]],
        [`conv_list.${i}.bias`, [channels]],
      ];
    }),
  );

/** Eq. 4 and 8: softmax over the tokens of the keys, so that keys and values meet first. `shared` holds crpe1 to crpe4. */
export const factorAttention =
  (c: CoatConfig, shared: Scope, stage: StageNumber, grid: Grid): Module =>
  (s, x) => {
    const width = s.features(x);
    const qkv = s.call("qkv", linear(3 * width, { bias: c.qkv_bias }), x);
    const [q, k, v] = split(s, qkv, [width, width, width]);
    const byHead = (y: Value): Value => splitHeads(s, y, c.num_heads);
    const keys = s.transpose(s.softmax(byHead(k), { axis: 2 }), { perm: [0, 1, 3, 2] });
    const mixed = mergeHeads(s, s.matmul(byHead(q), s.matmul(keys, byHead(v))));
    const positions = relativePositions(shared.at(`crpe${stage}`), q, v, c.num_heads, grid);
    repeatEntries(s, "crpe", convShapes(width, c.num_heads));
    return s.call("proj", linear(width), s.add(s.mul(mixed, s.scalar((width / c.num_heads) ** -0.5)), positions));
  };
