import type { SeNetConfig } from "./config.ts";

/** A row per architecture: the networks of Cadene's port. */
export const variants: Readonly<Record<string, Partial<SeNetConfig>>> = {
  legacy_seresnet18: { block: "basic", layers: [2, 2, 2, 2] },
  legacy_seresnet34: { block: "basic", layers: [3, 4, 6, 3] },
  legacy_seresnet50: { layers: [3, 4, 6, 3] },
  legacy_seresnet101: { layers: [3, 4, 23, 3] },
  legacy_seresnet152: { layers: [3, 8, 36, 3] },
  legacy_senet154: {
    block: "senet",
    layers: [3, 8, 36, 3],
    groups: 64,
    downsample_kernel_size: 3,
    downsample_padding: 1,
    inplanes: 128,
    input_3x3: true,
  },
  legacy_seresnext26_32x4d: { block: "resnext", layers: [2, 2, 2, 2], groups: 32 },
  legacy_seresnext50_32x4d: { block: "resnext", layers: [3, 4, 6, 3], groups: 32 },
  legacy_seresnext101_32x4d: { block: "resnext", layers: [3, 4, 23, 3], groups: 32 },
};
