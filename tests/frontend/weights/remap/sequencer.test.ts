import { expect, test } from "vitest";
import { expectSameNetwork, network, renamed } from "./network.ts";

const layers = [2, 1, 1, 1];
const small = {
  layers,
  embed_dims: [8, 12, 12, 12],
  hidden_sizes: [2, 3, 3, 3],
  mlp_ratios: [1, 1, 1, 1],
  num_classes: 3,
};

test("the names of Sequencer's authors, whose stages end with what merges their positions", async () => {
  const net = await network("sequencer2d_s", small);
  const file = renamed(net.file, (name) =>
    name
      .replace(/^stages\.(\d)\.downsample\./, (_, i: string) => `blocks.${Number(i) - 1}.${layers[Number(i) - 1]}.`)
      .replace(/^stages\.(\d)\.blocks\./, "blocks.$1.")
      .replace(/^head\.fc\./, "head."),
  );
  expect(file.has("blocks.0.2.down.weight")).toBe(true);
  expectSameNetwork(net, file, "Sequencer of its authors");
  expectSameNetwork(net, net.file, undefined);
});
