import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { syntheticInput } from "../../../src/frontend/weights/synthetic.ts";
import { type NpyArray, formatNpy, readNpy } from "../../../src/runtime/npy.ts";
import { cliJson } from "../../cli/run-cli.ts";
import { temporaryFolder } from "../../driver/workspace.ts";
import { describeOnGpu } from "../../webgpu-device.ts";

interface Network {
  readonly model: string;
  readonly size: number;
  readonly taps: string;
  readonly args?: readonly string[];
}

/** Small networks of the families that everybody uses, with outputs of every kind. */
const networks: readonly Network[] = [
  { model: "test_resnet", size: 64, taps: "logits,pre_logits,features,module:layer2.0" },
  { model: "test_vit", size: 160, taps: "logits,features,attn:blocks.1.attn" },
  { model: "test_efficientnet", size: 64, taps: "logits,forward_features,features" },
  { model: "test_convnext", size: 64, taps: "logits,features" },
  { model: "mobilenetv3_small_050", size: 64, taps: "logits,features", args: ["num_classes=10"] },
  { model: "vgg11", size: 64, taps: "features" },
  {
    model: "swin_tiny_patch4_window7_224",
    size: 56,
    taps: "logits,features,attn:layers.0.blocks.1.attn",
    args: ["img_size=56", "depths=[2,2]", "num_heads=[2,4]", "embed_dim=16"],
  },
  {
    model: "deit_tiny_distilled_patch16_224",
    size: 64,
    taps: "logits,features.1.prefix",
    args: ["img_size=64", "depth=2"],
  },
];

const at = temporaryFolder();

/** Compiles a network, gives it the recipe's input through the command line, and reads what was saved. */
async function outputsOf({ model, size, taps, args = [] }: Network, target: string): Promise<Map<string, NpyArray>> {
  const folder = at(`${model}-${target}`);
  const input = at("input.npy");
  const shape = [1, 3, size, size];
  writeFileSync(input, formatNpy({ dtype: "f32", shape, data: syntheticInput(shape) }));
  const given = args.flatMap((arg) => ["--arg", arg]);
  const request = [model, "--input-size", `3,${size},${size}`, "--taps", taps, "--weights", "synthetic", ...given];
  await cliJson("compile", ...request, "--target", target, "-o", folder);
  const saved = join(folder, "saved");
  await cliJson("run", folder, "--tensor", input, "--save", saved);
  const index = JSON.parse(readFileSync(join(saved, "outputs.json"), "utf8")) as Record<string, string>;
  return new Map(Object.entries(index).map(([name, file]) => [name, readNpy(join(saved, file))]));
}

/** The largest difference in standard deviations of what is expected. */
function distance(actual: NpyArray, expected: NpyArray): number {
  const numbers = Float64Array.from(expected.data as Float32Array);
  const mean = numbers.reduce((sum, v) => sum + v, 0) / numbers.length;
  const std = Math.sqrt(numbers.reduce((sum, v) => sum + (v - mean) ** 2, 0) / numbers.length);
  const farthest = numbers.reduce((most, v, i) => {
    const apart = Math.abs(Number(actual.data[i]) - v);
    return Number.isNaN(apart) ? Infinity : Math.max(most, apart);
  }, 0);
  return farthest / std;
}

/** Both are float32, of the same graph in other orders of sums. */
const allowed = 2e-4;

describeOnGpu("a network's WebGPU artifact gives what its ONNX artifact gives", () => {
  it.each(networks)("$model", { timeout: 300_000 }, async (network) => {
    const [actual, expected] = [await outputsOf(network, "webgpu"), await outputsOf(network, "onnx")];
    expect([...actual.keys()]).toEqual([...expected.keys()]);
    for (const [name, array] of expected) {
      expect(actual.get(name)?.shape, name).toEqual(array.shape);
      expect(distance(actual.get(name) as NpyArray, array), name).toBeLessThan(allowed);
    }
  });
});
