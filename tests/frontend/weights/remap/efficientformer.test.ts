import { expect, test } from "vitest";
import { expectSameNetwork, missing, network, renamed } from "./network.ts";

const small = { depths: [1, 1, 1, 2], embed_dims: [8, 8, 16, 16], num_classes: 3 };

/** Snap's names: stages at even places of `network`, downsamplings at odd ones. */
const snap = (name: string): string =>
  name
    .replace(/^stem\.conv1\./, "patch_embed.0.")
    .replace(/^stem\.norm1\./, "patch_embed.1.")
    .replace(/^stem\.conv2\./, "patch_embed.3.")
    .replace(/^stem\.norm2\./, "patch_embed.4.")
    .replace(/^stages\.(\d)\.blocks\./, (_, s) => `network.${2 * Number(s)}.`)
    .replace(/^stages\.(\d)\.downsample\.conv\./, (_, s) => `network.${2 * Number(s) - 1}.proj.`)
    .replace(/^stages\.(\d)\.downsample\.norm\./, (_, s) => `network.${2 * Number(s) - 1}.norm.`)
    .replace(/\.ls(\d)\.gamma/, ".layer_scale_$1")
    .replace(/^head_dist\./, "dist_head.");

test("Snap's EfficientFormer", async () => {
  const net = await network("efficientformer_l1", small);
  expectSameNetwork(net, renamed(net.file, snap), "Snap EfficientFormer");
});

test("a file without its second head is not mended", async () => {
  const net = await network("efficientformer_l1", small);
  const file = renamed(net.file, (name) => (name.startsWith("head_dist.") ? undefined : snap(name)));
  expect(missing(net, file)).toEqual(["head_dist.weight", "head_dist.bias"]);
});

test("timm's own names are taken as they are", async () => {
  const net = await network("efficientformer_l1", small);
  expectSameNetwork(net, net.file, undefined);
});
