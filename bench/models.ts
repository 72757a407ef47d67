import { list } from "../src/driver/list.ts";
import { resolve } from "../src/frontend/resolve.ts";
import { TimmcError } from "../src/ir/error.ts";

/** A network of each kind: residual, mobile with and without squeeze-excite, convolutional, transformer, windowed. */
export const six: readonly string[] = [
  "resnet50",
  "mobilenetv3_large_100",
  "efficientnet_b0",
  "convnext_tiny",
  "vit_small_patch16_224",
  "swin_tiny_patch4_window7_224",
];

export const sixteen: readonly string[] = [
  "resnet18",
  "resnet50",
  "resnet50d",
  "seresnet50",
  "vgg16_bn",
  "efficientnet_b0",
  "tf_efficientnetv2_s",
  "mobilenetv2_100",
  "mobilenetv3_large_100",
  "mobilenetv4_conv_small",
  "convnext_tiny",
  "vit_tiny_patch16_224",
  "vit_small_patch16_224",
  "vit_base_patch16_224",
  "deit3_small_patch16_224",
  "swin_tiny_patch4_window7_224",
];

/** The architectures that names, patterns and the lists `six` and `sixteen` stand for, each once. Throws `usage`. */
export async function selectModels(names: readonly string[]): Promise<string[]> {
  const selected = new Set<string>();
  for (const name of names) for (const model of await expand(name)) selected.add(model);
  return [...selected];
}

async function expand(name: string): Promise<readonly string[]> {
  if (name === "six") return six;
  if (name === "sixteen") return sixteen;
  if (!/[*?[]/.test(name)) {
    await resolve({ model: name });
    return [name];
  }
  const rows = await list({ pattern: name, supported: true });
  if (rows.length === 0) throw new TimmcError("usage", `no architecture that timmc compiles matches ${name}`);
  return rows.map((row) => row.architecture);
}
