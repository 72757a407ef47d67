import { expect, test } from "vitest";
import { expectSameNetwork, missing, network, renamed, reshaped } from "./network.ts";

const small = { depths: [1, 1, 1, 1], dims: [8, 8, 16, 16], heads: [2, 2, 2, 2], num_classes: 3 };

const original = (name: string): string =>
  name
    .replace(/^stem\./, "downsample_layers.0.")
    .replace(/^stages\.(\d)\.downsample\./, "downsample_layers.$1.")
    .replace(/^stages\.(\d)\.blocks\./, "stages.$1.")
    .replace("conv_dw", "dwconv")
    .replace(/mlp\.fc(\d)/, "pwconv$1")
    .replace(/^head\.fc\./, "head.")
    .replace(/^head\.norm\./, "norm.");

test("EdgeNeXt under its authors' names, with 1x1 convolutions for linear layers", async () => {
  const net = await network("edgenext_xx_small", small);
  const file = renamed(net.file, original);
  for (const [name, plain] of file)
    if (name.endsWith("pwconv1.weight")) file.set(name, reshaped(plain, [...plain.shape, 1, 1]));
  expectSameNetwork(net, file, "EdgeNeXt");
});

test("a file without its last norm is not mended", async () => {
  const net = await network("edgenext_xx_small", small);
  const file = renamed(net.file, (name) => (name.startsWith("head.norm.") ? undefined : original(name)));
  expect(missing(net, file)).toEqual(["head.norm.weight", "head.norm.bias"]);
});
