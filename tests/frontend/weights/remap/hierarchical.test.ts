import { expect, test } from "vitest";
import { expectSameNetwork, network, renamed } from "./network.ts";

/** Files of each family's own code: how its names follow from timm's. */
const cases: readonly (readonly [
  model: string,
  args: Readonly<Record<string, unknown>>,
  layout: string,
  there: (name: string) => string | undefined,
])[] = [
  [
    "swinv2_tiny_window8_256",
    { depths: [1, 1, 1, 1], embed_dim: 8, num_heads: [1, 2, 2, 4], num_classes: 6, img_size: 64, window_size: 2 },
    "Microsoft Swin V2",
    (name) =>
      name
        .replace(/^layers\.(\d)\.downsample/, (_, stage) => `layers.${Number(stage) - 1}.downsample`)
        .replace("head.fc", "head"),
  ],
  [
    "pvt_v2_b0",
    { depths: [1, 1, 1, 1], embed_dims: [4, 8, 8, 8], num_heads: [1, 1, 2, 2], num_classes: 6 },
    "PVT v2 of its authors",
    (name) =>
      name
        .replace(/^patch_embed\./, "patch_embed1.")
        .replace(/^stages\.(\d)\.downsample/, (_, stage) => `patch_embed${Number(stage) + 1}`)
        .replace(/^stages\.(\d)\.blocks\.(\d)/, (_, stage, block) => `block${Number(stage) + 1}.${block}`)
        .replace(/^stages\.(\d)\.norm/, (_, stage) => `norm${Number(stage) + 1}`)
        .replace("dwconv.", "dwconv.dwconv."),
  ],
  [
    "mambaout_femto",
    { depths: [1, 1, 1, 1], dims: [4, 6, 8, 8], num_classes: 6 },
    "MambaOut of its authors",
    (name) =>
      name
        .replace(/^stem\./, "downsample_layers.0.")
        .replace(/^stages\.(\d)\.downsample/, "downsample_layers.$1")
        .replace(/^stages\.(\d)\.blocks\./, "stages.$1.")
        .replace(/^head\.norm\./, "norm.")
        .replace("head.pre_logits.fc", "head.fc1")
        .replace("head.pre_logits.norm", "head.norm")
        .replace("head.fc.", "head.fc2."),
  ],
  [
    "davit_tiny",
    { depths: [1, 1, 1, 1], embed_dims: [4, 6, 8, 8], num_heads: [1, 2, 2, 2], num_classes: 6 },
    "DaViT of its authors",
    (name) =>
      name
        .replace(/^stem\.conv/, "patch_embeds.0.proj")
        .replace(/^stem\.norm/, "patch_embeds.0.norm")
        .replace(/^stages\.(\d)\.downsample\.conv/, "patch_embeds.$1.proj")
        .replace(/^stages\.(\d)\.downsample/, "patch_embeds.$1")
        .replace(/^stages\.(\d)\.blocks/, "main_blocks.$1")
        .replace("cpe1", "cpe.0")
        .replace("cpe2", "cpe.1")
        .replace("head.fc", "head")
        .replace("head.norm", "norms"),
  ],
];

test("Swin V2's tables follow from its windows", async () => {
  const [model, args] = cases[0] ?? expect.unreachable();
  const net = await network(model, args);
  const tables = ["relative_position_index", "relative_coords_table"].map((name) => `layers.1.blocks.0.attn.${name}`);
  const some = { shape: [1], values: new Float32Array(1) };
  const file = new Map([
    ...net.file,
    ...[...tables, "layers.0.blocks.0.attn_mask"].map((name) => [name, some] as const),
  ]);
  expect(expectSameNetwork(net, file, undefined).dropped.map(({ from: [key] }) => key)).toEqual([
    ...tables,
    "layers.0.blocks.0.attn_mask",
  ]);
});

test.each(cases)("%s under its authors' names", async (model, args, layout, there) => {
  const net = await network(model, args);
  expectSameNetwork(net, renamed(net.file, there), layout);
});
