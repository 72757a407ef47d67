import { expect, test } from "vitest";
import { type Plain, expectSameNetwork, network, renamed } from "./network.ts";

/** Convolutional families whose filters rename entries. */

const small = { depth: 5, w0: 8, wa: 16, wm: 1.7, group_size: 4, stem_width: 8, num_classes: 3 };

/** The names of a RegNet's blocks in torchvision, but for their parents. */
const blockParts = (name: string): string =>
  name
    .replace(/\.conv([123])\.conv\./, (_, i: string) => `.f.${"abc".charAt(Number(i) - 1)}.0.`)
    .replace(/\.conv([123])\.bn\./, (_, i: string) => `.f.${"abc".charAt(Number(i) - 1)}.1.`)
    .replace(/\.se\.fc([12])\./, (_, i: string) => `.f.se.excitation.${2 * Number(i) - 2}.`);

test("RegNet under torchvision's names", async () => {
  const net = await network("regnety_002", small);
  const file = renamed(net.file, (name) =>
    blockParts(name)
      .replace(/^stem\.conv\./, "stem.0.")
      .replace(/^stem\.bn\./, "stem.1.")
      .replace(/\.downsample\.conv\./, ".proj.0.")
      .replace(/\.downsample\.bn\./, ".proj.1.")
      .replace(/^s(\d)\.b(\d+)\./, (_, s: string, b: string) => `trunk_output.block${s}.block${s}-${Number(b) - 1}.`)
      .replace(/^head\.fc\./, "fc."),
  );
  expectSameNetwork(net, file, "torchvision");
});

test("RegNet as VISSL trained it, without its projection head", async () => {
  const net = await network("regnety_002", small);
  const place = "classy_state_dict.base_model.model";
  const file = renamed(net.file, (name) => {
    if (name.startsWith("head.fc.")) return `${place}.heads.0.clf.0.${name.slice("head.fc.".length)}`;
    const trunk = name
      .replace(/\.conv3\.bn\./, ".f.final_bn.")
      .replace(/\.conv3\.conv\./, ".f.c.")
      .replace(/\.downsample\.conv\./, ".proj.")
      .replace(/\.downsample\.bn\./, ".bn.")
      .replace(/^stem\.conv\./, "_feature_blocks.conv1.stem.0.")
      .replace(/^stem\.bn\./, "_feature_blocks.conv1.stem.1.");
    const blocks = blockParts(trunk).replace(
      /^s(\d)\.b(\d+)\./,
      (_, s: string, b: string) => `_feature_blocks.res${s}.block${s}-${Number(b) - 1}.`,
    );
    return `${place}.trunk.${blocks}`;
  });
  file.set(`${place}.heads.0.projection_head.0.weight`, { shape: [1], values: new Float32Array(1) });
  file.set("classy_state_dict.base_model.model._num_updates", { shape: [1], values: new Float32Array(1) });
  const { dropped } = expectSameNetwork(net, file, "VISSL");
  expect(dropped.map(({ what }) => what)).toEqual([
    "the projection head of the pretraining",
    "the state of the training",
  ]);
});

test("DenseNet under torchvision's older names", async () => {
  const net = await network("densenet121", { growth_rate: 8, block_config: [2, 1], num_classes: 3 });
  const file = renamed(net.file, (name) => name.replace(/(denselayer\d+\.(?:norm|conv))([12])\./, "$1.$2."));
  expectSameNetwork(net, file, "torchvision");
});

test("TResNet under Alibaba's names: weights of norms are positive and 1e-5 more", async () => {
  const net = await network("tresnet_m", { layers: [1, 1, 1, 1], width_factor: 0.125, num_classes: 3 });
  const file = renamed(net.file, (name) =>
    name
      .replace(/conv(\d+)\.conv\./, (_, i: string) => (name.includes("body.conv1") ? "conv1.0." : `conv${i}.0.0.`))
      .replace(/conv(\d+)\.bn\./, (_, i: string) => (name.includes("body.conv1") ? "conv1.1." : `conv${i}.0.1.`))
      .replace(/downsample\.(\d+)\.conv\./, "downsample.$1.0.")
      .replace(/downsample\.(\d+)\.bn\./, "downsample.$1.1."),
  );
  const negative = (plain: Plain): Plain => ({ ...plain, values: plain.values.map((v) => -v) });
  const moved = (plain: Plain): Plain => ({ ...plain, values: plain.values.map((v) => Math.fround(v + 1e-5)) });
  const changed = (entries: ReadonlyMap<string, Plain>, pattern: RegExp, change: (plain: Plain) => Plain) =>
    new Map([...entries].map(([name, plain]) => [name, pattern.test(name) ? change(plain) : plain] as const));
  const norms = /(?:conv1\.1|\.0\.1|downsample\.\d\.1)\.weight$/;
  expectSameNetwork(
    { ...net, file: changed(net.file, /bn\.weight$/, moved) },
    changed(file, norms, negative),
    "Alibaba",
  );
});

test("RDNet under NAVER's names", async () => {
  const net = await network("rdnet_tiny", {
    growth_rates: [8, 8],
    num_blocks_list: [1, 1],
    is_downsample_block: [null, true],
    block_type: ["Block", "BlockESE"],
    num_init_features: 8,
    num_classes: 3,
  });
  expectSameNetwork(
    net,
    renamed(net.file, (name) => name.replace(/^stem\./, "stem.stem.")),
    "NAVER",
  );
});

test("Big Transfer's .npz files", async () => {
  const net = await network("resnetv2_50x1_bit", {
    channels: [32, 32, 64, 64],
    stem_chs: 32,
    bottle_ratio: 1,
    num_classes: 3,
  });
  const unit = /^stages\.(\d+)\.blocks\.(\d+)\./;
  const file = renamed(net.file, (name) => {
    const place = name.replace(unit, (_, s: string, b: string) => {
      return `block${Number(s) + 1}/unit${String(Number(b) + 1).padStart(2, "0")}/`;
    });
    const inside = place
      .replace(/conv([123])\.weight$/, (_, i: string) => `${"abc".charAt(Number(i) - 1)}/standardized_conv2d/kernel`)
      .replace(/norm([123])\./, (_, i: string) => `${"abc".charAt(Number(i) - 1)}/group_norm/`)
      .replace(/^norm\./, "group_norm/")
      .replace(/downsample\.conv\.weight$/, "a/proj/standardized_conv2d/kernel")
      .replace("stem.conv.weight", "root_block/standardized_conv2d/kernel")
      .replace("head.fc.weight", "head/conv2d/kernel")
      .replace("head.fc.bias", "head/conv2d/bias")
      .replace(/group_norm\/weight$/, "group_norm/gamma")
      .replace(/group_norm\/bias$/, "group_norm/beta");
    return `resnet/${inside}`;
  });
  const npz = new Map([...file].map(([name, plain]) => [name, name.endsWith("kernel") ? channelsLast(plain) : plain]));
  expectSameNetwork(net, npz, "Big Transfer");
});

/** [out, in, height, width] as [height, width, in, out]. */
function channelsLast({ shape: [o = 1, i = 1, h = 1, w = 1], values }: Plain): Plain {
  const out = new Float32Array(values.length);
  values.forEach((value, at) => {
    const [place, c, n] = [at % (h * w), Math.floor(at / (h * w)) % i, Math.floor(at / (h * w * i))];
    out[(place * i + c) * o + n] = value;
  });
  return { shape: [h, w, i, o], values: out };
}
