import { TimmcError } from "../../ir/error.ts";
import type { PixelNormalization } from "../../zoo/pixel-input.ts";
import type { DataConfig } from "./data-config.ts";

/**
 * How timm normalises bytes. The plain transform computes (b / 255 - mean) / std. With a mean or std of another length
 * than the channels it cannot run; timm's loader can, by their average, and computes (b - 255 mean) / (255 std), which
 * differs in the last bits.
 */
export function normalizationOf({ mean, std, inputSize: [channels] }: DataConfig): PixelNormalization {
  const plain = mean.length === channels && std.length === channels;
  if (plain) return { unit: 255, mean, std };
  return { unit: 1, mean: averaged(mean, channels), std: averaged(std, channels) };
}

const averaged = (values: readonly number[], channels: number): number[] => {
  const each = values.length === channels ? values : [values.reduce((sum, v) => sum + v, 0) / values.length];
  return Array.from({ length: channels }, (_, c) => 255 * (each[c] ?? each[0] ?? 0));
};

/** Throws `unsupported` for channel counts that no picture has. */
export function requirePictureChannels(channels: number, hint: string): void {
  if (channels === 1 || channels === 3) return;
  throw new TimmcError("unsupported", `no picture becomes an input of ${channels} channels; timm reads 1 (gray) or 3`, {
    hint,
  });
}
