import type { DType } from "../../ir/dtype.ts";

/** A tensor of a checkpoint: type and shape are free, bytes are read on demand. */
export interface TensorData {
  /** Element type as stored; float8 files name their own encodings. */
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** Contiguous, row-major, little-endian bytes; read anew at each call, never cached. */
  read(): Uint8Array;
}

export type StoredDType = DType | "f8_e4m3" | "f8_e5m2" | "f8_e8m0" | "f8_e4m3fnuz" | "f8_e5m2fnuz" | "i16" | "u16" | "u32" | "u64" | "c64";

/** Where parameters come from: a safetensors file, the synthetic recipe, nothing. */
export interface WeightSource {
  /** For messages and the manifest, such as `model.safetensors` or `synthetic`. */
  readonly label: string;
  keys(): Iterable<string>;
  get(name: string): TensorData | undefined;
  close(): void;
}
