import type { Pair } from "../layers/conv.ts";
import type { EvaConfig } from "./config.ts";

/** Rows and columns of patches in an image of img_size, which the position embeddings cover. */
export const nativeGrid = ({
  img_size: [h, w],
  patch_size: [ph, pw],
}: Pick<EvaConfig, "img_size" | "patch_size">): Pair => [Math.floor(h / ph), Math.floor(w / pw)];
