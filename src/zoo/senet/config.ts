import { commonArgs, globalPool } from "../family.ts";
import { type ConfigOf, bool, dropRates, int, internal, ints } from "../schema.ts";

export type BlockKind = "basic" | "resnet" | "resnext" | "senet";

export const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  block: internal<BlockKind>("resnet"),
  layers: ints([3, 4, 6, 3], "blocks of each stage", { min: 1, length: 4 }),
  groups: int(1, "groups of the 3x3 convolutions", { min: 1 }),
  reduction: int(16, "channels over those of squeeze-excite", { min: 1, max: 256 }),
  inplanes: int(64, "width of the stem", { min: 1 }),
  input_3x3: bool(false, "a stem of three 3x3 convolutions instead of one 7x7"),
  downsample_kernel_size: int(1, "kernel of the shortcut convolutions of stages 2 to 4", { min: 1 }),
  downsample_padding: int(0, "padding of the same", { min: 0 }),
};

export type SeNetConfig = ConfigOf<typeof args>;
