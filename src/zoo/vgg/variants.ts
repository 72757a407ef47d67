import type { VggConfig } from "./config.ts";

/** Configurations A, B, D and E of table 1, and the same with batch norm after each convolution. */
export const variants: Readonly<Record<string, Partial<VggConfig>>> = {
  vgg11: { convs: [1, 1, 2, 2, 2] },
  vgg11_bn: { convs: [1, 1, 2, 2, 2], norm_layer: "batchnorm" },
  vgg13: { convs: [2, 2, 2, 2, 2] },
  vgg13_bn: { convs: [2, 2, 2, 2, 2], norm_layer: "batchnorm" },
  vgg16: { convs: [2, 2, 3, 3, 3] },
  vgg16_bn: { convs: [2, 2, 3, 3, 3], norm_layer: "batchnorm" },
  vgg19: { convs: [2, 2, 4, 4, 4] },
  vgg19_bn: { convs: [2, 2, 4, 4, 4], norm_layer: "batchnorm" },
};
