import type { Calibration } from "../../passes/precision/calibration.ts";

/** What a calibration file holds. The passes read `calibration`; whoever measures reads the pictures. */
export interface CalibrationFile {
  /** Of the file's bytes, in lower-case hexadecimal: what a manifest keeps of it. */
  readonly sha256: string;
  /** Of the weight file that was measured; null where there was none. Ranges are those of these weights. */
  readonly weightsSha256: string | null;
  readonly calibration: Calibration;
  /** Channels, height and width of the check pictures, which are the network's. */
  readonly inputSize: readonly [channels: number, height: number, width: number];
  /** Planes [channels, height, width] as `preprocessPixels` leaves them, before mean and std. None was used for ranges. */
  readonly pictures: readonly Uint8Array[];
}
