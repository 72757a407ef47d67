import { expect, test } from "vitest";
import { type PlainFile, entry, expectSameNetwork, network, remapped, renamed, transposedPlain } from "./network.ts";

const small = { layers: [1, 1, 2, 1], embed_dims: [16, 16, 32, 32], num_classes: 3 };

/** `network` in Apple's code: blocks of stage s at places[s], the downsampling (and positions) before them. */
const apple = (file: PlainFile, prefix = ""): ReturnType<typeof renamed> => {
  const blocks = [0, 2, 4, 7];
  const [down, positions] = [[0, 1, 3, 5], 6];
  return renamed(
    file,
    (name) =>
      prefix +
      name
        .replace(/^stages\.(\d)\.blocks\./, (_, s) => `network.${blocks[Number(s)]}.`)
        .replace(/^stages\.(\d)\.downsample\.proj\./, (_, s) => `network.${down[Number(s)]}.proj.`)
        .replace(/^stages\.3\.pos_emb\.pos_enc\./, `network.${positions}.pe.`)
        .replace(/^stem\./, "patch_embed.")
        .replace("conv_kxk", "rbr_conv")
        .replace("conv_scale", "rbr_scale")
        .replace(/\bidentity\b/, "rbr_skip")
        .replace("final_conv", "conv_exp")
        .replace("large_conv", "lkb_origin")
        .replace(/\.mlp\./, ".convffn.")
        .replace(".se.fc1", ".se.reduce")
        .replace(".se.fc2", ".se.expand")
        .replace(/layer_scale(_\d)?\.gamma/, "layer_scale$1")
        .replace(/^head\.fc\./, "head."),
  );
};

test("Apple's FastViT", async () => {
  const net = await network("fastvit_sa12", small);
  expectSameNetwork(net, apple(net.file), "Apple FastViT");
});

test("Apple's MobileCLIP without a projection", async () => {
  const net = await network("fastvit_mci0", { ...small, num_classes: 0 });
  expectSameNetwork(net, apple(net.file, "image_encoder.model."), "Apple MobileCLIP");
});

test("Apple's MobileCLIP with its projection, a layer without bias", async () => {
  const net = await network("fastvit_mci0", small);
  const file = apple(net.file, "image_encoder.model.");
  file.delete("image_encoder.model.head.weight");
  file.delete("image_encoder.model.head.bias");
  file.set("image_encoder.model.head.proj", transposedPlain(entry(net.file, "head.fc.weight")));
  const bare = new Map(net.file).set("head.fc.bias", { shape: [3], values: new Float32Array(3) });
  expectSameNetwork({ ...net, file: bare }, file, "Apple MobileCLIP");
});

test("OpenCLIP's tower has timm's names", async () => {
  const net = await network("fastvit_sa12", small);
  const file = renamed(net.file, (name) => `visual.trunk.${name}`);
  file.set("text.positional_embedding", { shape: [2], values: new Float32Array(2) });
  expectSameNetwork(net, file, "OpenCLIP");
});

test("a file without one downsampling counts two stages as one, which is refused", async () => {
  const net = await network("fastvit_sa12", small);
  const file = renamed(apple(net.file), (name) => (name.startsWith("network.5.proj.") ? undefined : name));
  expect(() => remapped(net, file)).toThrow("two entries become stages.2.blocks.0");
});
