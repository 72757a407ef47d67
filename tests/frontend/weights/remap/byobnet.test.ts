import { expect, test } from "vitest";
import { expectSameNetwork, missing, network, renamed } from "./network.ts";

const small = { width_factor: 0.125, num_classes: 3 };

const places = { conv1_1x1: 1, conv2_kxk: 2, conv3_1x1: 3 } as const;

/** OpenAI's names, written independently of the mapping back. */
const openai = (name: string): string =>
  `visual.${name
    .replace(/^stem\.conv(\d)\.conv\./, "conv$1.")
    .replace(/^stem\.conv(\d)\.bn\./, "bn$1.")
    .replace(/^stages\.(\d)\.(\d+)\.shortcut\.conv\.(conv|bn)\./, (_, stage, block, part) =>
      [`layer${Number(stage) + 1}`, block, "downsample", part === "conv" ? 0 : 1, ""].join("."),
    )
    .replace(/^stages\.(\d)\.(\d+)\.(conv\d_\w+)\.(conv|bn)\./, (_, stage, block, conv, part) =>
      [`layer${Number(stage) + 1}`, block, `${part}${places[conv as keyof typeof places]}`, ""].join("."),
    )
    .replace(/^head\.pos_embed$/, "attnpool.positional_embedding")
    .replace(/^head\.([qkv])\./, "attnpool.$1_proj.")
    .replace(/^head\.proj\./, "attnpool.c_proj.")}`;

test("OpenAI CLIP's ResNets, beside the tower of the texts", async () => {
  const net = await network("resnet50_clip", small);
  const file = renamed(net.file, openai);
  file.set("transformer.resblocks.0.ln_1.weight", { shape: [2], values: new Float32Array(2) });
  expectSameNetwork(net, file, "OpenAI CLIP");
});

test("a network with another head takes no pooling by attention, and lacks its classifier", async () => {
  const net = await network("resnet50_clip_gap", small);
  const clip = await network("resnet50_clip", small);
  expect(missing(net, renamed(clip.file, openai))).toEqual(["head.fc.weight", "head.fc.bias"]);
});

test("timm's own names are taken as they are", async () => {
  const net = await network("resnet50_clip", small);
  expectSameNetwork(net, net.file, undefined);
});
