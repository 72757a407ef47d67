/** Blocks of parallel branches that training needed: RepVGG (arXiv:2101.03697, fig. 2) and MobileOne (2206.04040, fig. 3). */
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import { groupsOf } from "./blocks.ts";
import type { BlockMaker, Place } from "./design.ts";

const keepsShape = (p: Place): boolean => p.in === p.out && p.stride === 1 && p.dilation[0] === p.dilation[1];

const finish = (s: Scope, y: Value, { layers, out }: Place): Value =>
  s.chain(y, { attn: layers.attn?.(out), act: layers.act });

const rep: BlockMaker = (p) => (s, x) => {
  const { layers, out, stride, kernel_size: kernel = 3 } = p;
  const groups = groupsOf(p.in, p.groupSize);
  const identity = keepsShape(p) ? s.call("identity", layers.norm, x) : undefined;
  const point = s.call("conv_1x1", layers.conv(out, { stride, groups, act: false }), x);
  const large = layers.conv(out, { kernel, stride, dilation: p.dilation[0], groups, act: false });
  const sum = s.add(point, s.call("conv_kxk", large, x));
  return finish(s, identity === undefined ? sum : s.add(sum, identity), p);
};

const one: BlockMaker = (p) => (s, x) => {
  const { layers, out, stride, kernel_size: kernel = 3, num_conv_branches: branches = 1 } = p;
  const groups = groupsOf(p.in, p.groupSize);
  const identity = keepsShape(p) ? [s.call("identity", layers.norm, x)] : [];
  const scale = kernel > 1 ? [s.call("conv_scale", layers.conv(out, { stride, groups, act: false }), x)] : [];
  const convs = Array.from({ length: branches }, (_, i) =>
    s.at("conv_kxk").call(i, layers.conv(out, { kernel, stride, groups, act: false }), x),
  );
  const sum = [...scale, ...convs, ...identity].reduce((a, b) => s.add(a, b));
  return finish(s, sum, p);
};

export const repBlocks = { rep, one } as const;
