/** Dual path networks: Chen et al. 2017 (arXiv:1707.01629), channels that are added beside channels that are kept. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { classifierHead } from "../layers/classifier-head.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { type ConvOptions, conv2d } from "../layers/conv.ts";
import { type NormAct, normAct } from "../layers/norm-act.ts";
import { maxPool } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import { type DpnConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const eps = 1e-3;
/** Inside blocks timm takes neither norm_layer nor act_layer. */
const inside = normAct({ kind: "batchnorm2d", eps }, "relu");

const bnActConv =
  (out: number, options: ConvOptions = {}): Module =>
  (s, x) =>
    s.chain(x, { bn: inside, conv: conv2d(out, options) });

/** The paths of a block: `residual` is summed from block to block, `dense` grows. */
interface Paths {
  readonly residual: Value;
  readonly dense: Value;
}

interface Place {
  readonly stride: number;
  readonly width: number;
  /** Channels of the residual path. */
  readonly residual: number;
  readonly growth: number;
}

/** The two parts of a map: the residual channels, and the others. */
function cut(s: Scope, x: Value, residual: number): Paths {
  const channels = s.channels(x);
  const [first, rest] = split(s, x, [residual, channels - residual], 1);
  return { residual: first, dense: rest };
}

/** Fig. 2d: without paths from before, a projection makes them. `note` sees the paths behind the block. */
const dualPathBlock =
  (c: DpnConfig, p: Place, before: Paths | undefined, note: (paths: Paths) => void): Module =>
  (s, x) => {
    const project = (): Paths => {
      const name = `c1x1_w_s${p.stride}`;
      const conv = bnActConv(p.residual + 2 * p.growth, { stride: p.stride });
      return cut(s, s.call(name, conv, x), p.residual);
    };
    const shortcut = before ?? project();
    const y = s.chain(x, {
      c1x1_a: bnActConv(p.width),
      c3x3_b: bnActConv(p.width, { kernel: 3, stride: p.stride, groups: c.groups }),
    });
    const out = c.b
      ? twoConvolutions(s, y, p)
      : cut(s, s.call("c1x1_c", bnActConv(p.residual + p.growth), y), p.residual);
    const residual = s.add(shortcut.residual, out.residual);
    const dense = s.concat([shortcut.dense, out.dense], { axis: 1 });
    note({ residual, dense });
    return s.concat([residual, dense], { axis: 1 });
  };

function twoConvolutions(s: Scope, x: Value, p: Place): Paths {
  const y = s.call("c1x1_c", (t, z) => t.chain(z, { bn: inside }), x);
  return { residual: s.call("c1x1_c1", conv2d(p.residual), y), dense: s.call("c1x1_c2", conv2d(p.growth), y) };
}

export default defineFamily({
  name: "dpn",
  paper: "https://arxiv.org/abs/1707.01629",
  args,
  variants,
  groups: (coarse) => [
    stemGroup(/features\.conv1/),
    blockGroup(coarse ? /features\.conv(\d+)/ : /features\.conv(\d+)_(\d+)/),
    blockGroup(/features\.conv5_bn_ac/, "last"),
  ],
  build: (s, input, c) => {
    const norm: NormAct = { ...c.norm_layer, eps };
    const stages: Stage[] = [];
    const note = (name: string, value: Value): void => {
      stages.push({ module: `features.${name}`, value, reduction: 2 ** (stages.length + 1), format: "NCHW" });
    };
    const trunk: Module = (t, image) => {
      const first = { kernel: c.small ? 3 : 7, stride: 2 };
      const stem = t.call("conv1_1", convNormAct(c.num_init_features, { ...first, norm, act: c.act_layer }), image);
      note("conv1_1", stem);
      let x = t.call("conv1_pool", maxPool(3, { stride: 2, padding: 1 }), stem);
      for (const [i, blocks] of c.k_sec.entries()) {
        const residual = (c.small ? 64 : 256) * 2 ** i;
        const place = { residual, width: c.k_r * 2 ** i, growth: c.inc_sec[i] ?? 0 };
        let paths: Paths | undefined;
        for (let j = 0; j < blocks; j++) {
          const stride = j === 0 && i > 0 ? 2 : 1;
          const block = dualPathBlock(c, { ...place, stride }, paths, (next) => (paths = next));
          x = t.call(`conv${i + 2}_${j + 1}`, block, x);
        }
        note(`conv${i + 2}_${blocks}`, x);
      }
      return t.call("conv5_bn_ac", (u, y) => u.chain(y, { bn: normAct(norm, c.act_layer) }), x);
    };
    const x = s.call("features", trunk, input);
    const head = classifierHead({ classes: c.num_classes, pool: c.global_pool, conv: true, fc: "classifier" })(s, x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
