import { expect, test } from "vitest";
import { expectSameNetwork, missing, network, renamed, reshaped } from "./network.ts";

/** The depths are those whose places the authors' names count. */
const small = { dims: [8, 8, 8, 8], num_classes: 3 };
const strided = [3, 3, 9];

const original = (name: string): string =>
  name
    .replace(/^stem_dct\./, "dct.")
    .replace(".conv_y.", ".Y_Conv.")
    .replace(".conv_cb.", ".Cb_Conv.")
    .replace(".conv_cr.", ".Cr_Conv.")
    .replace(/^stages\.(\d)\.(\d+)\./, (_, of, at) => {
      const [stage, place] = [Number(of), Number(at)];
      if (stage === 0) return `stages1.${place}.`;
      return place === 0 ? `stages${stage}.${strided[stage - 1]}.` : `stages${stage + 1}.${place - 1}.`;
    })
    .replace("grn.weight", "grn.gamma")
    .replace("grn.bias", "grn.beta")
    .replace(/^head\.fc\./, "head.")
    .replace(/^head\.norm\./, "norm.");

test("CSATv2 under its authors' names, with norms of maps' shape", async () => {
  const net = await network("csatv2", small);
  const file = renamed(net.file, original);
  for (const [name, plain] of file)
    if (/grn\.(?:gamma|beta)$/.test(name)) file.set(name, reshaped(plain, [1, 1, 1, ...plain.shape]));
  expectSameNetwork(net, file, "CSATv2");
});

test("the names inside transformer blocks", async () => {
  const net = await network("csatv2", small);
  const file = renamed(net.file, (name) =>
    original(name)
      .replace(/^(stages[34]\.\d+)\.norm1\.(?=weight|bias)/, "$1.attn_norm.")
      .replace(/^(stages[34]\.\d+)\.norm2\./, "$1.ff_norm.")
      .replace(/^(stages[34]\.\d+)\.mlp\.fc1\./, "$1.ff.net.0.")
      .replace(/^(stages[34]\.\d+)\.mlp\.fc2\./, "$1.ff.net.3.")
      .replace(/^(stages[34]\.\d+)\.attn\.qkv\./, "$1.attn.to_qkv.")
      .replace(/^(stages[34]\.\d+)\.attn\.proj\./, "$1.attn.to_out.0.")
      .replace(/^(stages[34]\.\d+)\.pos_embed\./, "$1.attn.pos_embed.")
      .replace(/\.attn\.attn\.qkv\./, ".attention.attention.attn.to_qkv.")
      .replace(/\.attn\.attn\.(norm\d|pos_embed)\./, ".attention.attention.attn.$1.")
      .replace(/\.attn\.attn\./, ".attention.attention.")
      .replace(/\.attn\.conv\./, ".attention.conv."),
  );
  expectSameNetwork(net, file, "CSATv2");
});

test("a file without a block is not mended", async () => {
  const net = await network("csatv2", small);
  const file = renamed(net.file, (name) => (name.startsWith("stages.1.1.") ? undefined : original(name)));
  expect(missing(net, file).every((name) => name.startsWith("stages.1.1."))).toBe(true);
});
