import type { DType } from "../../ir/dtype.ts";

/** Bits per element of every type that a weight file may hold. */
export const storedBits = {
  f64: 64,
  f32: 32,
  f16: 16,
  bf16: 16,
  i64: 64,
  i32: 32,
  i16: 16,
  i8: 8,
  i4: 4,
  u64: 64,
  u32: 32,
  u16: 16,
  u8: 8,
  bool: 8,
  f8_e4m3: 8,
  f8_e5m2: 8,
  f8_e8m0: 8,
  f8_e4m3fnuz: 8,
  f8_e5m2fnuz: 8,
  f6_e2m3: 6,
  f6_e3m2: 6,
  f4: 4,
  c64: 64,
  c128: 128,
} as const satisfies { readonly [D in DType]: number } & { readonly [name: string]: number };

/** An element type as stored: what a parameter can have, and what files have besides. */
export type StoredDType = keyof typeof storedBits;

/** Types that no parameter can be loaded from: elements smaller than a byte, and complex numbers. */
type OpaqueDType = "i4" | "f6_e2m3" | "f6_e3m2" | "f4" | "c64" | "c128";

export const isOpaque = (dtype: StoredDType): dtype is OpaqueDType =>
  dtype === "c64" || dtype === "c128" || dtype === "i4" || dtype === "f4" || dtype === "f6_e2m3" || dtype === "f6_e3m2";

/** A tensor of a checkpoint: type and shape are free, bytes are read on demand. */
export interface TensorData {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** Contiguous, row-major, little-endian bytes; read anew at each call, never cached, so the caller owns them. */
  read(): Uint8Array;
  /** The rows `begin` to before `end` of the first axis as `read` has them, where the file can give them alone. */
  readRows?(begin: number, end: number): Uint8Array;
}

/** The rows `begin` to before `end` of the first axis of a tensor whose elements are whole bytes. */
export function rowsOf(data: TensorData, begin: number, end: number): TensorData {
  const [all = 1, ...rest] = data.shape;
  const read = (): Uint8Array => {
    if (data.readRows !== undefined) return data.readRows(begin, end);
    const bytes = data.read();
    const row = all === 0 ? 0 : bytes.length / all;
    return bytes.slice(begin * row, end * row);
  };
  return { dtype: data.dtype, shape: [end - begin, ...rest], read };
}

/** What a model declares: the name is the key of timm's state_dict. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Where parameters come from: a weight file, the synthetic recipe, nothing. */
export interface WeightSource {
  /** For messages and the manifest, such as `model.safetensors` or `synthetic`: never a folder of this machine. */
  readonly label: string;
  /** What a user should know about a source that is nevertheless valid. */
  readonly notices?: readonly string[];
  /** Files that the named one stands for besides itself, in the order that it first names them: those of an index. */
  readonly shards?: readonly string[];
  keys(): Iterable<string>;
  get(name: string): TensorData | undefined;
  close(): void;
}

/** `f32[64,3,7,7]` */
export const printStored = (tensor: { readonly dtype: StoredDType; readonly shape: readonly number[] }): string =>
  `${tensor.dtype}[${tensor.shape.join(",")}]`;
