import { printDim } from "../ir/dim.ts";
import type { Tap } from "../frontend/taps.ts";
import type { ManifestOutput } from "./manifest.ts";

/** What the manifest and `inspect` say of an output. */
export const describeTap = ({ name, value, module, channels, reduction, format }: Tap): ManifestOutput => ({
  name,
  dtype: value.type.dtype,
  shape: value.type.shape.map((d) => (typeof d === "number" ? d : printDim(d))),
  module: module ?? null,
  channels: typeof channels === "number" ? channels : null,
  reduction: reduction ?? null,
  format: format ?? null,
});
