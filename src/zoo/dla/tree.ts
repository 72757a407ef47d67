import type { Value } from "../../ir/value.ts";
import { conv2d } from "../layers/conv.ts";
import { maxPool } from "../layers/pool.ts";
import type { Module } from "../scope.ts";
import { block, normalise, relu } from "./blocks.ts";
import type { DlaConfig } from "./config.ts";

interface Tree {
  readonly levels: number;
  readonly out: number;
  readonly stride: number;
  /** The root sees the tree's input too, at its own resolution. */
  readonly levelRoot?: boolean;
}

/** An aggregation node: 1x1 over all of its children. */
const root =
  (c: DlaConfig, out: number, children: readonly Value[]): Module =>
  (s, x) => {
    const y = s.chain(s.concat(children, { axis: 1 }), { conv: conv2d(out), bn: normalise });
    return s.call("relu", relu, c.shortcut_root ? s.add(y, x) : y);
  };

/**
 * Hierarchical deep aggregation (fig. 3f): two subtrees one after the other; the innermost second one has the root, which
 * sees what the subtrees on the way gave. `children` are those from outside.
 */
export const tree =
  (c: DlaConfig, { levels, out, stride, levelRoot = false }: Tree, children: readonly Value[] = []): Module =>
  (s, x) => {
    const pool = stride > 1 ? maxPool(stride) : undefined;
    const bottom = levels === 1 || levelRoot ? s.chain(x, { downsample: pool }) : x;
    const own = levelRoot ? [...children, bottom] : children;
    if (levels > 1) {
      const first = s.call("tree1", tree(c, { levels: levels - 1, out, stride }), x);
      return s.call("tree2", tree(c, { levels: levels - 1, out, stride: 1 }, [...own, first]), first);
    }
    const project: Module = (t, y) => t.sequence(y, [conv2d(out), normalise]);
    const shortcut = s.chain(bottom, { project: x.type.shape[1] === out ? undefined : project });
    const first = s.call("tree1", block(c, out, stride, shortcut), x);
    const second = s.call("tree2", block(c, out, 1), first);
    return s.call("root", root(c, out, [second, first, ...own]), second);
  };
