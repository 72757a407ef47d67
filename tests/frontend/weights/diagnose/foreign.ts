import { resolve } from "../../../../src/frontend/resolve.ts";
import type { Named } from "../../../../src/frontend/weights/diagnose/entry.ts";
import { lowerArchitecture } from "../../../../src/zoo/lower.ts";

/** The parameters of a model that a file must have. */
export async function parametersOf(model: string, args: Readonly<Record<string, unknown>> = {}): Promise<Named[]> {
  const { family, architecture, args: read, inputSize } = await resolve({ model, args });
  const { parameters } = lowerArchitecture(family, architecture, read, inputSize);
  return parameters.filter((p) => !p.name.endsWith("num_batches_tracked")).map(({ name, shape }) => ({ name, shape }));
}

/** An entry of a file under other names, and the parameter that it truly is. */
export interface Foreign extends Named {
  readonly truth: string;
}

/** Writes parameters as a code base of other names would: several entries for one, in the file's own order. */
export function foreign(
  parameters: readonly Named[],
  write: (name: string, shape: readonly number[]) => readonly Named[],
): Foreign[] {
  const entries = parameters.flatMap(({ name, shape }) => write(name, shape).map((e) => ({ ...e, truth: name })));
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

export const only = (name: string, shape: readonly number[]): Named[] => [{ name, shape }];

/** A ViT in the manner of transformers. */
export function transformersVit(name: string, shape: readonly number[], prefix = "tower."): Named[] {
  const packed = /^blocks\.(\d+)\.attn\.qkv\.(\w+)$/.exec(name);
  if (packed !== null)
    return ["query", "key", "value"].map((part) => ({
      name: `${prefix}encoder.layer.${packed[1]}.attention.attention.${part}.${packed[2]}`,
      shape: [(shape[0] ?? 0) / 3, ...shape.slice(1)],
    }));
  if (name.startsWith("head.")) return only(name.replace("head", "classifier"), shape);
  const to = name
    .replace("patch_embed.proj", "embeddings.patch.projection")
    .replace("cls_token", "embeddings.class_token")
    .replace("pos_embed", "embeddings.positions")
    .replace("blocks.", "encoder.layer.")
    .replace("norm1.", "layernorm_before.")
    .replace("norm2.", "layernorm_after.")
    .replace("attn.proj", "attention.output.dense")
    .replace("mlp.fc1", "intermediate.dense")
    .replace("mlp.fc2", "output.dense")
    .replace(/^norm\./, "layernorm.");
  return only(prefix + to, shape);
}

/** A ViT under the very names of transformers, which timmc knows. */
export const publishedVit = (name: string, shape: readonly number[]): Named[] =>
  transformersVit(name, shape, "vit.").map((e) => ({
    ...e,
    name: e.name
      .replace("embeddings.patch.", "embeddings.patch_embeddings.")
      .replace("embeddings.class_token", "embeddings.cls_token")
      .replace("embeddings.positions", "embeddings.position_embeddings"),
  }));

/** A ResNet in the manner of transformers: stages and layers are counted from 0. */
export function transformersResnet(name: string, shape: readonly number[]): Named[] {
  const to = name
    .replace(/^conv1/, "net.embedder.convolution")
    .replace(/^bn1/, "net.embedder.normalization")
    .replace(/^fc/, "classifier.1")
    .replace(/^layer(\d)\./, (_, stage: string) => `net.encoder.stages.${Number(stage) - 1}.layers.`)
    .replace(/\.(conv|bn)(\d)\./, (_, kind: string, n: string) => {
      return `.layer.${Number(n) - 1}.${kind === "conv" ? "convolution" : "normalization"}.`;
    })
    .replace("downsample.0", "shortcut.convolution")
    .replace("downsample.1", "shortcut.normalization");
  return only(to, shape);
}

/** A ConvNeXt in the manner of torchvision: stages and what is between them are one list. */
export function torchvisionConvnext(name: string, shape: readonly number[]): Named[] {
  const parts: Readonly<Record<string, string>> = { conv_dw: "0", norm: "2", "mlp.fc1": "3", "mlp.fc2": "5" };
  const to = name
    .replace(/^stem\./, "features.0.")
    .replace(/^stages\.(\d)\.downsample\./, (_, stage: string) => `features.${2 * Number(stage)}.`)
    .replace(
      /^stages\.(\d)\.blocks\.(\d+)\./,
      (_, stage: string, b: string) => `features.${2 * Number(stage) + 1}.${b}.`,
    )
    .replace(/^(features\.\d\.\d+)\.(conv_dw|norm|mlp\.fc1|mlp\.fc2)\./, (_, at: string, part: string) => {
      return `${at}.block.${parts[part] ?? ""}.`;
    })
    .replace(/gamma$/, "layer_scale")
    .replace("head.norm", "classifier.0")
    .replace("head.fc", "classifier.2");
  return only(to, name.endsWith("gamma") ? [...shape, 1, 1] : shape);
}

/** A ViT in the manner of Flax: inputs before outputs, slashes between modules. */
export function flaxVit(name: string, shape: readonly number[]): Named[] {
  const to = name
    .replace("blocks.", "Transformer/encoderblock_")
    .replace("norm1.weight", "LayerNorm_0.scale")
    .replace("norm2.weight", "LayerNorm_2.scale")
    .replace("norm1.", "LayerNorm_0.")
    .replace("norm2.", "LayerNorm_2.")
    .replace("mlp.fc1", "MlpBlock_3.Dense_0")
    .replace("mlp.fc2", "MlpBlock_3.Dense_1")
    .replaceAll(".", "/")
    .replace(/(proj|qkv|Dense_\d|head)\/weight$/, "$1/kernel");
  const [a = 0, b = 0, c = 0, d = 0] = shape;
  return only(to, !to.endsWith("kernel") ? shape : shape.length === 4 ? [c, d, b, a] : [b, a]);
}
