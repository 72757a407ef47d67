import { expect, test } from "vitest";
import { expectSameNetwork, missing, network, renamed } from "./network.ts";

const small = { layers: [2, 1, 1, 1], embed_dims: [8, 8, 16, 16], num_classes: 3 };

/** The authors' names: stages at even places of `network`, downsamplings at odd ones. */
const original = (name: string): string =>
  name
    .replace(/^stem\./, "patch_embed.")
    .replace(/^stages\.(\d)\.blocks\./, (_, s) => `network.${2 * Number(s)}.`)
    .replace(/^stages\.(\d)\.downsample\./, (_, s) => `network.${2 * Number(s) - 1}.`)
    .replace(/\.layer_scale(_\d)?\.gamma$/, ".layer_scale$1")
    .replace(/\.attn\.proj\./, ".attn.Proj.")
    .replace(/^head_dist\./, "dist_head.");

test("SwiftFormer under its authors' names", async () => {
  const net = await network("swiftformer_xs", small);
  expectSameNetwork(net, renamed(net.file, original), "SwiftFormer");
});

test("a missing block stays missing", async () => {
  const net = await network("swiftformer_xs", small);
  const file = renamed(net.file, (name) => (name.startsWith("stages.1.downsample.") ? undefined : original(name)));
  expect(missing(net, file).every((name) => name.startsWith("stages.1.downsample."))).toBe(true);
  expect(missing(net, file).length).toBeGreaterThan(0);
});
