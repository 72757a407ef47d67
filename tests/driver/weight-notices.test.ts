import { expect, test } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { doctor } from "../../src/driver/doctor.ts";
import { loadArtifact } from "../../src/driver/artifact.ts";
import { verify } from "../../src/driver/verify.ts";
import { bytesOf } from "../../src/ir/bytes.ts";
import { parametersOf } from "../frontend/weights/diagnose/foreign.ts";
import { type Stored, writeSafetensors } from "../frontend/weights/write-safetensors.ts";
import { compileTiny, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

const vit = "vit_tiny_patch16_224";
const small = { depth: 2, embed_dim: 48, num_heads: 3, img_size: 32, num_classes: 10 };

type Args = Readonly<Record<string, unknown>>;

/** A file of positive numbers, entries changed by `write`. */
async function fileOf(label: string, model: string, args: Args, write: (entry: Stored) => Stored = (e) => e) {
  const parameters = await parametersOf(model, args);
  const stored = parameters.map(({ name, shape }): Stored => {
    const count = shape.reduce((n, d) => n * d, 1);
    const values = Float32Array.from({ length: count }, (_, i) => 0.5 + 0.4 * Math.sin(i * 0.37 + name.length));
    return write({ name, shape, dtype: "f32", bytes: bytesOf(values) });
  });
  writeSafetensors(at(label), stored);
  return { file: at(label) };
}

test("each kind of adaptation has its line, which verify finds again", async () => {
  const weights = await fileOf("small.safetensors", vit, small);
  const out = at("adapted");
  const args = { ...small, img_size: 40, patch_size: 8, in_chans: 1 };
  const { notices } = await compile({ model: vit, args, weights, out });
  expect(notices).toEqual([
    "small.safetensors: patches are resampled, 16x16 -> 8x8",
    "small.safetensors: positions are resampled, 2x2 -> 5x5",
    "small.safetensors: patch_embed.proj.weight: 3 input channels summed to 1",
  ]);
  expect((await loadArtifact(out)).manifest.notices).toEqual(notices);
  expect(await verify(out, { weights: weights.file })).toMatchObject({ passed: true, failure: null });
});

test("a grid that is no square is told by its shapes", async () => {
  const weights = await fileOf("square.safetensors", vit, small);
  const args = { ...small, img_size: [32, 64] };
  const { notices } = await compile({ model: vit, args, weights, inputSize: [3, 32, 64], out: at("oblong") });
  expect(notices).toEqual(["square.safetensors: positions are resampled, [1,5,48] -> [1,9,48]"]);
});

test("whole numbers as weights are asked about, counters are not", async () => {
  const asBytes = (entry: Stored): Stored =>
    /\.(?:conv1|conv2)\.weight$/.test(entry.name)
      ? { ...entry, dtype: "i8", bytes: new Uint8Array(entry.bytes.length / 4) }
      : entry;
  const weights = await fileOf("bytes.safetensors", "test_resnet", {}, asBytes);
  const request = { model: "test_resnet", weights };
  const line =
    /^bytes\.safetensors: \d+ tensors are stored as integers, such as layer1\.0\.conv1\.weight \(i8\): are these quantised weights\?$/;
  expect((await doctor(request)).notices).toEqual([expect.stringMatching(line)]);
  const { notices } = await compile({ ...request, out: at("bytes") });
  expect(notices).toEqual([expect.stringMatching(line)]);
});

test("synthetic weights are said to be so, in the manifest too, and weights of a file are not", async () => {
  const said = "the weights are synthetic: outputs mean nothing";
  const { notices } = await compileTiny(at("recipe"));
  expect(notices).toEqual([said]);
  expect((await loadArtifact(at("recipe"))).manifest.notices).toEqual([said]);
  expect((await verify(at("recipe"))).passed).toBe(true);
  const { notices: ofNone } = await compileTiny(at("structure"), { weights: "none" });
  expect(ofNone).toEqual([]);
});
