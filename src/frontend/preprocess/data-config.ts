import { TimmcError } from "../../ir/error.ts";
import { checkCfgFields, defaultCfg } from "../pretrained-cfg.ts";
import type { CropMode, InputSize, Interpolation, PretrainedCfg } from "../pretrained-cfg.ts";

/** How a picture becomes the input tensor. */
export interface DataConfig {
  readonly inputSize: InputSize;
  readonly interpolation: Interpolation;
  /** Per channel, on the scale 0..1; another length than the channel count means their average (see `preprocess`). */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** The crop's side as a fraction of the resized picture's. */
  readonly cropPct: number;
  readonly cropMode: CropMode;
}

/** What a caller asks for; every field given beats the pretrained configuration. */
export interface DataConfigOverrides {
  readonly inputSize?: InputSize | undefined;
  /** A square input of this side, with `inChans` channels; `inputSize` beats it. */
  readonly imgSize?: number | undefined;
  /** Read where `inputSize` is not given: the channels of `imgSize`, and the length that `mean` and `std` must have. */
  readonly inChans?: number | undefined;
  readonly interpolation?: Interpolation | undefined;
  /** One number stands for every channel. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly cropPct?: number | undefined;
  readonly cropMode?: CropMode | undefined;
  /** Prefer the size and crop that the weights were evaluated at, where the configuration names them. */
  readonly useTestSize?: boolean | undefined;
}

type DataFields = Pick<
  PretrainedCfg,
  "input_size" | "test_input_size" | "interpolation" | "mean" | "std" | "crop_pct" | "test_crop_pct" | "crop_mode"
>;

/**
 * timm's `resolve_data_config`: field by field the override, then the pretrained configuration, then timm's default.
 *
 * @throws TimmcError `usage` for an override that breaks the field's rule.
 */
export function resolveDataConfig(cfg: Partial<DataFields>, overrides: DataConfigOverrides = {}): DataConfig {
  checkOverrides(overrides);
  const { imgSize, useTestSize = false } = overrides;
  const inChans = overrides.inputSize?.[0] ?? overrides.inChans ?? 3;
  const square: InputSize | undefined = imgSize === undefined ? undefined : [inChans, imgSize, imgSize];
  const testSize = useTestSize ? cfg.test_input_size : undefined;
  const testCrop = useTestSize ? cfg.test_crop_pct : undefined;
  return {
    inputSize: overrides.inputSize ?? square ?? testSize ?? cfg.input_size ?? [inChans, 224, 224],
    interpolation: overrides.interpolation ?? cfg.interpolation ?? defaultCfg.interpolation,
    mean: perChannel("mean", overrides.mean, inChans) ?? cfg.mean ?? defaultCfg.mean,
    std: perChannel("std", overrides.std, inChans) ?? cfg.std ?? defaultCfg.std,
    cropPct: overrides.cropPct ?? testCrop ?? cfg.crop_pct ?? defaultCfg.crop_pct,
    cropMode: overrides.cropMode ?? cfg.crop_mode ?? defaultCfg.crop_mode,
  };
}

/** Overrides obey the rules of the configuration's own fields. */
function checkOverrides(overrides: DataConfigOverrides): void {
  const { inputSize, imgSize, inChans, interpolation, mean, std, cropPct, cropMode } = overrides;
  const sides = [inChans ?? 3, imgSize ?? 224, imgSize ?? 224];
  const faults = [
    ...checkCfgFields({ input_size: sides }).faults.map((fault) => `${fault} (from img_size and in_chans)`),
    ...checkCfgFields({
      input_size: inputSize ?? null,
      interpolation: interpolation ?? null,
      mean: mean ?? null,
      std: std ?? null,
      crop_pct: cropPct ?? null,
      crop_mode: cropMode ?? null,
    }).faults,
  ];
  const [fault] = faults;
  if (fault !== undefined) throw new TimmcError("usage", fault, { trail: ["preprocessing"] });
}

function perChannel(
  name: "mean" | "std",
  values: readonly number[] | undefined,
  channels: number,
): readonly number[] | undefined {
  const [value] = values ?? [];
  if (values === undefined || value === undefined) return undefined;
  if (values.length === 1) return Array.from({ length: channels }, () => value);
  if (values.length === channels) return values;
  throw new TimmcError("usage", `${name} has ${values.length} numbers for an input of ${channels} channels`, {
    trail: ["preprocessing"],
    hint: "Give one number per channel, or one for all.",
  });
}
