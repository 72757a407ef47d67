import { writeFileSync } from "node:fs";
import { type StoredDType, storedBits } from "../../../src/frontend/weights/source.ts";

export interface Stored {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export const fileName: { readonly [D in StoredDType]: string } = {
  bool: "BOOL",
  u8: "U8",
  i8: "I8",
  i4: "(of no file: made when a model is quantised)",
  f8_e5m2: "F8_E5M2",
  f8_e4m3: "F8_E4M3",
  f8_e8m0: "F8_E8M0",
  f8_e4m3fnuz: "F8_E4M3FNUZ",
  f8_e5m2fnuz: "F8_E5M2FNUZ",
  i16: "I16",
  u16: "U16",
  f16: "F16",
  bf16: "BF16",
  i32: "I32",
  u32: "U32",
  f32: "F32",
  i64: "I64",
  u64: "U64",
  f64: "F64",
  c64: "C64",
  c128: "(of PyTorch files alone)",
  f4: "F4",
  f6_e2m3: "F6_E2M3",
  f6_e3m2: "F6_E3M2",
};

export const tensorBytes = (dtype: StoredDType, shape: readonly number[]): number =>
  (shape.reduce((n, d) => n * d, 1) * storedBits[dtype]) / 8;

/** A file around a header text, whatever it says. */
export function rawSafetensors(header: string | Uint8Array, data: Uint8Array, claimed?: bigint): Uint8Array {
  const text = typeof header === "string" ? Buffer.from(header) : header;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

export function headerOf(tensors: readonly Stored[], metadata?: Readonly<Record<string, string>>): string {
  let at = 0;
  const members = tensors.map(({ name, dtype, shape, bytes }) => {
    const entry = { dtype: fileName[dtype], shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (metadata !== undefined) members.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const text = `{${members.join(",")}}`;
  return text + " ".repeat((8 - (Buffer.byteLength(text) % 8)) % 8);
}

export const encodeSafetensors = (
  tensors: readonly Stored[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array => rawSafetensors(headerOf(tensors, metadata), Buffer.concat(tensors.map((t) => t.bytes)));

export function writeSafetensors(path: string, tensors: readonly Stored[]): void {
  writeFileSync(path, encodeSafetensors(tensors, { format: "pt" }));
}

/** A small f32 tensor. */
export function f32(name: string, shape: readonly number[], values: readonly number[]): Stored {
  return { name, dtype: "f32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}
