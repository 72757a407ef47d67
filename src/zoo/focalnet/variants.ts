import { fixed } from "../fixed.ts";
import type { FocalNetConfig } from "./focalnet.ts";

type Row = Partial<FocalNetConfig>;

const tiny: Row = { depths: [2, 2, 6, 2], embed_dim: 96 };
const deep = (embed_dim: number): Row => ({ depths: [2, 2, 18, 2], embed_dim });
const levels = (n: number): Row => ({ focal_levels: [n, n, n, n] });
const windows = (n: number): Row => ({ focal_windows: [n, n, n, n] });
const post: Row = { use_post_norm: true, use_overlap_down: true, layerscale_value: 1e-4 };
const huge: Row = { ...deep(352), ...post, use_post_norm_in_modulation: true };

/** Small and large receptive fields; fl3 and fl4 have three and four levels. */
export const variants: Readonly<Record<string, Row>> = {
  focalnet_tiny_srf: fixed(tiny),
  focalnet_small_srf: fixed(deep(96)),
  focalnet_base_srf: fixed(deep(128)),
  focalnet_tiny_lrf: fixed({ ...tiny, ...levels(3) }),
  focalnet_small_lrf: fixed({ ...deep(96), ...levels(3) }),
  focalnet_base_lrf: fixed({ ...deep(128), ...levels(3) }),
  focalnet_large_fl3: fixed({ ...deep(192), ...levels(3), ...windows(5), ...post }),
  focalnet_large_fl4: fixed({ ...deep(192), ...levels(4), ...post }),
  focalnet_xlarge_fl3: fixed({ ...deep(256), ...levels(3), ...windows(5), ...post }),
  focalnet_xlarge_fl4: fixed({ ...deep(256), ...levels(4), ...post }),
  focalnet_huge_fl3: fixed({ ...huge, ...levels(3), ...windows(3) }),
  focalnet_huge_fl4: fixed({ ...huge, ...levels(4) }),
};
