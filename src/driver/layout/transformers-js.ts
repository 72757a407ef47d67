import type { Interpolation } from "../../frontend/pretrained-cfg.ts";
import { TimmcError } from "../../ir/error.ts";
import type { LowerRequest, LoweredRequest } from "../lower-request.ts";
import type { Manifest } from "../manifest.ts";
import { defaultTaps, modelFiles } from "./layout.ts";

/**
 * An artifact that transformers.js loads in its image-classification and image-feature-extraction pipelines. Outputs have
 * the meaning that transformers' TimmWrapperModel gives them: `last_hidden_state` is timm's forward_features,
 * `pooler_output` its pre_logits.
 */

/** What transformers.js can call a network. It runs every one of them alike: pixel_values in, outputs by name. */
const modelTypes: Readonly<Record<string, readonly [type: string, name: string]>> = {
  beit: ["beit", "Beit"],
  convnext: ["convnext", "ConvNext"],
  deit: ["deit", "DeiT"],
  efficientnet: ["efficientnet", "EfficientNet"],
  fastvit: ["fastvit", "FastViT"],
  hiera: ["hiera", "Hiera"],
  mobilenetv3: ["mobilenet_v3", "MobileNetV3"],
  mobilevit: ["mobilevit", "MobileViT"],
  resnet: ["resnet", "ResNet"],
  swin_transformer: ["swin", "Swin"],
  vision_transformer: ["vit", "ViT"],
};

/** For families that transformers.js has no name for; it does not know transformers' own `timm_wrapper`. */
const anyType = ["resnet", "ResNet"] as const;

export const modelTypeOf = (family: string): readonly [type: string, name: string] => modelTypes[family] ?? anyType;

/** Pillow's numbers of the filters that transformers.js has. */
const resample: { readonly [I in Interpolation]?: number } = { nearest: 0, lanczos: 1, bilinear: 2, bicubic: 3 };

/**
 * Refuses by name what transformers.js cannot load or would prepare in another way: `usage` for what was asked beside the
 * layout, `unsupported` for what the model itself is.
 */
export function requireLoadable(lowering: LoweredRequest, batch: LowerRequest["batch"]): void {
  const { resolved, taps, form, preprocess, lowered } = lowering;
  const { interpolation, cropMode, cropPct } = resolved.data;
  const [channels, height, width] = resolved.inputSize;
  const has = (tap: string): boolean => taps.some(({ name }) => name === tap);
  if (preprocess) throw contradicted("--preprocess: it normalises pictures itself", "Leave --preprocess out.");
  if (typeof batch === "number" && batch > 1)
    throw contradicted(`--batch ${batch}: it runs one picture or as many as it is given`, "Leave --batch out.");
  if (form.softmax && has("logits"))
    throw contradicted("--softmax: its pipeline takes the softmax of the logits", "Leave --softmax out.");
  const { length } = lowered.model.forwardFeatures;
  const hint = tapsHint(lowering);
  if (length > 1 && taps.some(({ name }) => name.startsWith("forward_features.")))
    throw contradicted(`forward_features of this network: it is ${length} tensors, and last_hidden_state is one`, hint);
  if (!has("logits") && !has("forward_features"))
    throw contradicted("these taps: its pipelines read logits or forward_features", hint);
  if (resolved.numClasses === 0 && has("logits")) throw contradicted("logits of a network without classes", hint);
  if (channels !== 3) throw refused(`an input of ${channels} channels: its pictures are RGB`);
  if (resample[interpolation] === undefined)
    throw refused(
      `the interpolation ${interpolation}: it has ${Object.keys(resample).join(", ")}`,
      "Choose one with --cfg interpolation=bicubic.",
    );
  if (cropMode === "border")
    throw refused("the crop mode border: its padding is black", "Choose another with --cfg crop_mode=squash.");
  if (cropMode === "center" && scaled(height, cropPct) !== scaled(width, cropPct))
    throw refused(
      `the crop mode center at ${height} x ${width}: it scales the shorter side to one number`,
      "Choose --cfg crop_mode=squash, or a square --input-size.",
    );
}

/** The taps that would be taken, where there are any. */
function tapsHint({ resolved: { numClasses }, lowered: { model } }: LoweredRequest): string {
  if (numClasses === 0 && model.forwardFeatures.length > 1)
    return "Leave --layout out: without classes this network has no output that its pipelines read.";
  return `Use --taps ${defaultTaps("transformers-js", { numClasses, featuresOnly: false }, model).join()}.`;
}

const refusal =
  (code: "usage" | "unsupported") =>
  (what: string, hint?: string): TimmcError =>
    new TimmcError(code, `transformers.js does not take ${what}`, { trail: ["--layout transformers-js"], hint });
const contradicted = refusal("usage");
const refused = refusal("unsupported");

/** A side of the picture before the crop, as timm rounds it. */
const scaled = (side: number, cropPct: number): number => Math.floor(side / cropPct);

export const transformersNames = ["config.json", "preprocessor_config.json"] as const;

/** The text of each file beside the model's. */
export const transformersTexts = (
  manifest: Manifest,
): { readonly [N in (typeof transformersNames)[number]]: string } => ({
  "config.json": jsonText(config(manifest)),
  "preprocessor_config.json": jsonText(preprocessor(manifest)),
});

const jsonText = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;

function config({ source, outputs, num_classes, labels, files }: Manifest): object {
  const [type, name] = modelTypeOf(source.family);
  const isClassifier = outputs.some((o) => o.name === "logits");
  const { data } = modelFiles["transformers-js"];
  return {
    architectures: [`${name}${isClassifier ? "ForImageClassification" : "Model"}`],
    model_type: type,
    architecture: source.architecture,
    ...(isClassifier && classNames(num_classes, labels)),
    // Without a dtype, browsers would ask for a quantised file.
    "transformers.js_config": { dtype: "fp32", use_external_data_format: files.some(({ path }) => path === data) },
  };
}

function classNames(count: number, labels: Manifest["labels"]): object {
  const names = Array.from({ length: count }, (_, i) => labels?.[i] ?? `LABEL_${i}`);
  return {
    num_labels: count,
    id2label: Object.fromEntries(names.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  };
}

/** timm's evaluation transform as transformers spells it; BitImageProcessor is the one that resizes, crops and normalises. */
function preprocessor({ input, request }: Manifest): object {
  const [, height, width] = request.input_size;
  const size =
    input.crop_mode === "squash"
      ? { height: scaled(height, input.crop_pct), width: scaled(width, input.crop_pct) }
      : { shortest_edge: scaled(height, input.crop_pct) };
  return {
    image_processor_type: "BitImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size,
    resample: resample[input.interpolation],
    do_center_crop: true,
    crop_size: { height, width },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: perChannel(input.mean),
    image_std: perChannel(input.std),
  };
}

/** Numbers of another count than the channels stand for their average, as in timm's loader. */
const perChannel = (values: readonly number[]): readonly number[] =>
  values.length === 3 ? values : Array.from({ length: 3 }, () => values.reduce((sum, v) => sum + v, 0) / values.length);
