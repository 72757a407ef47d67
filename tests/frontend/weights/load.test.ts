import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toDType, toFloat32 } from "../../../src/frontend/weights/load.ts";
import { type StoredDType, isOpaque, storedBits } from "../../../src/frontend/weights/source.ts";
import { narrow } from "../../../src/ir/float.ts";
import { tensorData } from "./fake-source.ts";

const floats = (dtype: StoredDType, values: ArrayBufferView): number[] => [...toFloat32(tensorData(dtype, [], values))];

describe("any stored type to float32", () => {
  test("floats: narrow types exactly, double rounded once", () => {
    expect(floats("f32", Float32Array.of(1.5, -0))).toEqual([1.5, -0]);
    expect(floats("f16", narrow("f16", Float32Array.of(0.1, 65504)))).toEqual([0.0999755859375, 65504]);
    expect(floats("bf16", narrow("bf16", Float32Array.of(0.1, -3)))).toEqual([0.10009765625, -3]);
    expect(floats("f64", Float64Array.of(0.1, 1e300))).toEqual([Math.fround(0.1), Infinity]);
    for (const dtype of ["f8_e4m3", "f8_e5m2", "f8_e4m3fnuz", "f8_e5m2fnuz"] as const) {
      expect(floats(dtype, narrow(dtype, Float32Array.of(0.25, -96)))).toEqual([0.25, -96]);
    }
    expect(floats("f8_e8m0", Uint8Array.of(126, 130))).toEqual([0.5, 8]);
  });

  test("integers and booleans", () => {
    expect(floats("i64", BigInt64Array.of(-3n, 1n << 40n))).toEqual([-3, 2 ** 40]);
    expect(floats("u64", BigUint64Array.of(1n << 63n))).toEqual([2 ** 63]);
    expect(floats("i32", Int32Array.of(-(2 ** 31)))).toEqual([-(2 ** 31)]);
    expect(floats("u32", Uint32Array.of(2 ** 32 - 2 ** 8))).toEqual([2 ** 32 - 2 ** 8]);
    expect(floats("i16", Int16Array.of(-32768))).toEqual([-32768]);
    expect(floats("u16", Uint16Array.of(65535))).toEqual([65535]);
    expect(floats("i8", Int8Array.of(-128))).toEqual([-128]);
    expect(floats("u8", Uint8Array.of(255))).toEqual([255]);
    expect(floats("bool", Uint8Array.of(0, 1, 2))).toEqual([0, 1, 1]);
  });

  test("every type is either converted or refused by name", () => {
    for (const dtype of Object.keys(storedBits) as StoredDType[]) {
      const data = tensorData(dtype, [8], new Uint8Array(storedBits[dtype]));
      if (isOpaque(dtype)) expect(() => toFloat32(data)).toThrow(`cannot be loaded from ${dtype}[8]`);
      else expect(toFloat32(data)).toHaveLength(8);
    }
  });
});

describe("into a parameter's type", () => {
  test("equal types keep their bytes, NaN payloads too", () => {
    fc.assert(
      fc.property(fc.uint32Array({ maxLength: 20 }), (bits) => {
        expect(toDType(tensorData("f32", [bits.length], bits), "f32")).toEqual(new Uint8Array(bits.buffer));
      }),
    );
    const big = BigInt64Array.of((1n << 62n) + 1n);
    expect(toDType(tensorData("i64", [], big), "i64")).toEqual(new Uint8Array(big.buffer));
  });

  test("a half-precision file fills float32 parameters; float values fill an integer buffer", () => {
    const half = tensorData("f16", [2], narrow("f16", Float32Array.of(1, -2.5)));
    expect(toDType(half, "f32")).toEqual(new Uint8Array(Float32Array.of(1, -2.5).buffer));
    expect(toDType(half, "i64")).toEqual(new Uint8Array(BigInt64Array.of(1n, -2n).buffer));
    expect(toDType(half, "bf16")).toEqual(new Uint8Array(Uint16Array.of(0x3f80, 0xc020).buffer));
  });
});
