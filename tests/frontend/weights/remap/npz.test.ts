import { describe, expect, test } from "vitest";
import { remapWeights, targetOf } from "../../../../src/frontend/weights/remap/remap.ts";
import { type WeightSource, rowsOf } from "../../../../src/frontend/weights/source.ts";
import { bigVision, google, older, permuted, small } from "./google.ts";
import {
  type Network,
  type Plain,
  expectSameNetwork,
  missing,
  network,
  remapped,
  reshaped,
  skeleton,
  sourceOf,
} from "./network.ts";

const one: Plain = { shape: [1], values: Float32Array.of(1) };

test.each([
  ["", "Google's .npz"],
  ["opt/target/", "Google's .npz of a training"],
])("ViT of Google under %s", async (prefix, layout) => {
  const net = await network("vit_base_patch16_224", { ...small, num_classes: 5 });
  const file = google(net, prefix, older).set("opt/state/step", one).set(`${prefix}pre_logits/kernel`, one);
  if (prefix === "") file.delete("opt/state/step");
  const { dropped } = expectSameNetwork(net, file, layout);
  expect(dropped.map((d) => d.from[0])).toContain(`${prefix}pre_logits/kernel`);
});

describe.each([
  ["vit_small_r26_s32_224", "patch_embed.backbone.stem."],
  ["vit_tiny_r_s16_p8_224", "patch_embed.backbone."],
])("%s of Google", (model, root) => {
  const args = { ...small, img_size: 64, num_classes: 5 };
  const backbone = (name: string): string =>
    name
      .replace(`${root}conv.`, "conv_root.")
      .replace(`${root}norm.`, "gn_root.")
      .replace(/^patch_embed\.backbone\.stages\.(\d)\.blocks\.(\d)\./, (_, s: string, b: string) => {
        return `block${Number(s) + 1}/unit${Number(b) + 1}/`;
      })
      .replace("downsample.conv.", "conv_proj.")
      .replace("downsample.norm.", "gn_proj.")
      .replace(/norm(\d)\./, "gn$1.")
      .replace(/conv(_root|_proj|\d)\.weight$/, "conv$1/kernel")
      .replace(/gn(_root|_proj|\d)\.weight$/, "gn$1/scale")
      .replace(/gn(_root|_proj|\d)\.bias$/, "gn$1/bias");
  const withBackbone = (net: Network): Map<string, Plain> => {
    const file = google(net, "", older);
    for (const [name, plain] of net.file) {
      if (!name.startsWith("patch_embed.backbone.")) continue;
      const isKernel = plain.shape.length === 4;
      file.set(backbone(name), isKernel ? permuted(plain, [2, 3, 1, 0]) : reshaped(plain, [1, 1, 1, ...plain.shape]));
    }
    return file;
  };

  test("has a Big Transfer backbone beside its transformer", async () => {
    const net = await skeleton(model, args, /^patch_embed\.backbone\./);
    expectSameNetwork(net, withBackbone(net), "Google's .npz");
  });

  test("without a norm of the backbone lacks it", async () => {
    const net = await skeleton(model, args, /^patch_embed\.backbone\./);
    const file = withBackbone(net);
    file.delete("gn_root/bias");
    expect(missing(net, file)).toEqual([`${root}norm.bias`]);
  });
});

describe.each([
  ["params/", "big_vision", false],
  ["params/img/", "big_vision's image tower", true],
  ["params/img/", "big_vision's image tower", false],
] as const)("big_vision under %s", (prefix, layout, isStacked) => {
  test(`SigLIP's pooling head${isStacked ? ", blocks in one stack" : ""}`, async () => {
    const net = await network("vit_base_patch16_siglip_224", small);
    expectSameNetwork(net, google(net, prefix, bigVision, isStacked), layout);
  });

  test(`a model without the head leaves it out${isStacked ? ", blocks in one stack" : ""}`, async () => {
    const pooled = await network("vit_base_patch16_siglip_224", small);
    const net = await network("vit_base_patch16_siglip_gap_224", small);
    const { dropped } = expectSameNetwork(net, google(pooled, prefix, bigVision, isStacked), layout);
    expect(new Set(dropped.map((d) => d.what))).toEqual(new Set(["the pooling head"]));
  });
});

test("FlexiViT has positions of patches alone, and PaliGemma's language model is left out", async () => {
  const net = await network("flexivit_small", { ...small, num_classes: 5 });
  const file = google(net, "params/", bigVision);
  expectSameNetwork(net, file, "big_vision");
  const tower = await network("vit_so400m_patch14_siglip_gap_224", { ...small, img_size: 28 });
  const pali = google(tower, "params/img/", bigVision, true).set("params/llm/embedder/input_embedding", one);
  const { dropped } = expectSameNetwork(tower, pali, "big_vision's image tower");
  expect(dropped).toEqual([{ from: ["params/llm/embedder/input_embedding"], what: "not under params/img/" }]);
});

test("positions and patches of another size are resampled bilinearly, where files of timm's names are bicubic", async () => {
  const [from, to] = [
    await network("vit_base_patch16_224", small),
    await network("vit_base_patch16_224", { ...small, img_size: 64 }),
  ];
  const flexible = await network("flexivit_small", { ...small, img_size: 64, no_embed_class: false });
  const bytes = (net: Network, file: ReadonlyMap<string, Plain>): unknown =>
    remapped(net, file).source.get("pos_embed")?.read();
  const own = bytes(to, google(from, "", older));
  expect(own).toEqual(bytes(flexible, from.file));
  expect(own).not.toEqual(bytes(to, from.file));
});

test("of a stack of blocks, each parameter reads its own rows", async () => {
  const net = await network("vit_base_patch16_siglip_224", small);
  const plain = sourceOf(google(net, "params/img/", bigVision, true));
  const rows: number[] = [];
  const whole: string[] = [];
  const source: WeightSource = {
    ...plain,
    get: (name) => {
      const data = plain.get(name);
      return (
        data && {
          ...data,
          read: () => {
            whole.push(name);
            return data.read();
          },
          readRows: (begin, end) => {
            rows.push(end - begin);
            return rowsOf(data, begin, end).read();
          },
        }
      );
    },
  };
  const mapped = remapWeights(source, net.remap, targetOf(net.parameters)).source;
  for (const { name } of net.parameters) mapped.get(name)?.read();
  expect(whole.filter((name) => name.includes("/encoderblock/"))).toEqual([]);
  // 16 tensors of 2 blocks.
  expect(rows).toEqual(Array.from({ length: 32 }, () => 1));
});

describe("near misses", () => {
  test("a stack of other depth is refused", async () => {
    const net = await network("vit_base_patch16_siglip_224", small);
    const deep = await network("vit_base_patch16_siglip_224", { ...small, depth: 3 });
    const file = google(net, "params/img/", bigVision, true);
    expect(() => remapped(deep, file)).toThrow(
      /Transformer\/encoderblock\/.*\(unstack\): it has 2 blocks and the model 3/s,
    );
  });

  test("a key's kernel that is missing leaves the attention without values", async () => {
    const net = await network("vit_base_patch16_224", { ...small, num_classes: 5 });
    const file = google(net, "", older);
    file.delete("Transformer/encoderblock_1/MultiHeadDotProductAttention_1/key/kernel");
    expect(missing(net, file)).toEqual(["blocks.1.attn.qkv.weight"]);
  });

  test("children numbered by the other code are not taken", async () => {
    const net = await network("vit_base_patch16_224", { ...small, num_classes: 5, depth: 2 });
    const lost = missing(net, google(net, "params/", { ...older, positions: "pos_embedding" }));
    expect(lost).toContain("blocks.0.attn.qkv.weight");
    expect(lost).toContain("blocks.1.mlp.fc1.weight");
  });
});
