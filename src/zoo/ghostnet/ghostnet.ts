/** GhostNet: Han et al. 2019 (arXiv:1911.11907); V2: Tang et al. 2022 (2211.12905); V3: Liu et al. 2024 (2404.11202). */
import { defineFamily } from "../define-family.ts";
import { depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { type Arg, internal, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import { addBranches, namedConvBn, ghostModule, ghostModuleV3 } from "./modules.ts";
import {
  type GhostPlace,
  type GhostRow,
  buildGhostNetwork,
  ghostArgs,
  ghostGroups,
  ghostShortcut,
  ghostSqueezeExcite,
  refuseGhost,
} from "./network.ts";
import { remap } from "./remap.ts";

type Version = "v1" | "v2" | "v3";

const version: Arg<Version> = oneOf<Version>(["v1", "v2", "v3"], "v1", "of the blocks");
const args = {
  ...ghostArgs,
  version,
  /** Whether the architecture's entry function sets the version. */
  fixedVersion: internal(false),
};

const stages: readonly (readonly GhostRow[])[] = [
  [[3, 16, 16, 0, 1]],
  [[3, 48, 24, 0, 2]],
  [[3, 72, 24, 0, 1]],
  [[5, 72, 40, 0.25, 2]],
  [[5, 120, 40, 0.25, 1]],
  [[3, 240, 80, 0, 2]],
  [
    [3, 200, 80, 0, 1],
    [3, 184, 80, 0, 1],
    [3, 184, 80, 0, 1],
    [3, 480, 112, 0.25, 1],
    [3, 672, 112, 0.25, 1],
  ],
  [[5, 672, 160, 0.25, 2]],
  [
    [5, 960, 160, 0, 1],
    [5, 960, 160, 0.25, 1],
    [5, 960, 160, 0, 1],
    [5, 960, 160, 0.25, 1],
  ],
];

/** The strided depthwise convolution between the two ghost modules. */
const strided = ({ kernel, stride }: GhostPlace): Module => {
  const padding = Math.floor((kernel - 1) / 2);
  return depthwise({ kernel, stride, padding });
};

/** Fig. 3 of GhostNet. From the third block on, V2 and V3 gate the first module. */
const block =
  (of: Version) =>
  (p: GhostPlace): Module =>
  (s, x) => {
    const gated = of !== "v1" && p.index > 1;
    const ghost = of === "v3" ? ghostModuleV3 : ghostModule;
    const wide = s.call("ghost1", ghost({ out: p.mid, act: true, gated }), x);
    const plain = p.stride === 1 || of === "v3";
    const conv = s.chain(wide, {
      conv_dw: plain ? undefined : strided(p),
      bn_dw: plain ? undefined : batchNorm(),
    });
    const down = of === "v3" && p.stride > 1 ? stridedV3(p)(s, wide) : conv;
    const y = s.chain(down, {
      se: ghostSqueezeExcite(p),
      ghost2: ghost({ out: p.out, act: false, gated: false }),
    });
    return s.add(y, s.call("shortcut", ghostShortcut(p), x));
  };

/** V3's strided convolution: the sum of a 1x1 and three larger ones. */
const stridedV3 =
  (p: GhostPlace): Module =>
  (s, x) => {
    const scale = s.call("dw_rpr_scale", namedConvBn(depthwise({ stride: 2, padding: 0 })), x);
    return addBranches(s, "dw_rpr_conv", namedConvBn(strided(p)), x, scale);
  };

const row = (width: number, fixed?: Version) =>
  fixed === undefined ? { width } : { width, version: fixed, fixedVersion: true };

export default defineFamily({
  name: "ghostnet",
  paper: "https://arxiv.org/abs/1911.11907",
  args,
  variants: {
    ghostnet_050: row(0.5),
    ghostnet_100: row(1),
    ghostnet_130: row(1.3),
    ghostnetv2_100: row(1, "v2"),
    ghostnetv2_130: row(1.3, "v2"),
    ghostnetv2_160: row(1.6, "v2"),
    ghostnetv3_050: row(0.5, "v3"),
    ghostnetv3_100: row(1, "v3"),
    ghostnetv3_130: row(1.3, "v3"),
    ghostnetv3_160: row(1.6, "v3"),
  },
  refuse: (c, given) => {
    if (c.fixedVersion && given.has("version"))
      return "version: the architecture sets it, and timm refuses a second value";
    return refuseGhost(c, given);
  },
  groups: ghostGroups,
  remap: () => remap,
  build: (s, input, c) => buildGhostNetwork(s, input, c, { stages, block: block(c.version), lastFactor: 1 }),
});
