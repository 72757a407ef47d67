import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesOf, decodeNumbers, encodeNumbers, viewAs } from "../../src/ir/bytes.ts";
import { dtypes } from "../../src/ir/dtype.ts";
import { type RoundedFloat, decodeFloat, encodeFloat, narrow, widen } from "../../src/ir/float.ts";

const formats = ["f16", "bf16", "f8_e4m3", "f8_e5m2", "f8_e4m3fnuz", "f8_e5m2fnuz"] as const;
const codesOf = (format: RoundedFloat): number => (format.startsWith("f8") ? 256 : 65536);
const allCodes = (format: RoundedFloat) => Array.from({ length: codesOf(format) }, (_, code) => code);

/** Largest finite magnitudes and smallest steps, from the formats' definitions. */
const limits: { readonly [F in RoundedFloat]: { readonly max: number; readonly step: number } } = {
  f16: { max: 65504, step: 2 ** -24 },
  bf16: { max: (2 - 2 ** -7) * 2 ** 127, step: 2 ** -133 },
  f8_e4m3: { max: 448, step: 2 ** -9 },
  f8_e5m2: { max: 57344, step: 2 ** -16 },
  f8_e4m3fnuz: { max: 240, step: 2 ** -10 },
  f8_e5m2fnuz: { max: 57344, step: 2 ** -17 },
};

/** Any double, with the magnitudes near every format's range made likely. */
const anyDouble = fc.oneof(
  fc.double(),
  fc.tuple(fc.double({ min: -2, max: 2 }), fc.integer({ min: -140, max: 130 })).map(([m, e]) => m * 2 ** e),
  fc.tuple(fc.integer({ min: -4097, max: 4097 }), fc.integer({ min: -150, max: 120 })).map(([m, e]) => m * 2 ** e),
);

describe("decoding", () => {
  test.each(formats)("%s: finite codes run from 0 to the largest number, evenly inside a binade", (format) => {
    const finite = allCodes(format)
      .slice(0, codesOf(format) / 2)
      .map((code) => decodeFloat(format, code))
      .filter(Number.isFinite);
    expect(finite[0]).toBe(0);
    expect(finite[1]).toBe(limits[format].step);
    expect(finite.at(-1)).toBe(limits[format].max);
    expect(finite.every((v, i) => i === 0 || v > (finite[i - 1] ?? 0))).toBe(true);
  });

  test("bf16 is the upper half of float32, bit for bit", () => {
    const reference = new DataView(new ArrayBuffer(4));
    for (const code of allCodes("bf16")) {
      reference.setUint32(0, code * 65536);
      expect(decodeFloat("bf16", code)).toBe(reference.getFloat32(0));
    }
  });

  test("known codes", () => {
    expect(decodeFloat("f16", 0x3555)).toBe(0.333251953125);
    expect(decodeFloat("f16", 0xfc00)).toBe(-Infinity);
    expect(decodeFloat("f8_e4m3", 0x7f)).toBeNaN();
    expect(decodeFloat("f8_e4m3", 0xb8)).toBe(-1);
    expect(decodeFloat("f8_e5m2", 0x7c)).toBe(Infinity);
    expect(decodeFloat("f8_e4m3fnuz", 0x80)).toBeNaN();
    expect(decodeFloat("f8_e4m3fnuz", 0x40)).toBe(1);
    expect(decodeFloat("f8_e8m0", 0)).toBe(2 ** -127);
    expect(decodeFloat("f8_e8m0", 127)).toBe(1);
    expect(decodeFloat("f8_e8m0", 255)).toBeNaN();
  });

  test.each([...formats, "f8_e8m0"] as const)("widen(%s) is decodeFloat of every code", (format) => {
    const codes = format === "f8_e8m0" ? Array.from({ length: 256 }, (_, i) => i) : allCodes(format);
    expect([...widen(format, Uint16Array.from(codes))]).toEqual(codes.map((code) => decodeFloat(format, code)));
  });
});

describe("rounding", () => {
  test.each(formats)("%s: every code survives a round trip", (format) => {
    for (const code of allCodes(format)) {
      const value = decodeFloat(format, code);
      const again = encodeFloat(format, value);
      if (Number.isNaN(value)) expect(decodeFloat(format, again)).toBeNaN();
      else expect(again).toBe(code);
    }
  });

  test.each(formats)("%s: a midpoint goes to the even code, its neighbours to theirs", (format) => {
    for (const code of allCodes(format).slice(0, codesOf(format) / 2 - 1)) {
      const low = decodeFloat(format, code);
      const high = decodeFloat(format, code + 1);
      if (!Number.isFinite(low) || !Number.isFinite(high)) continue;
      const middle = (low + high) / 2;
      const tiny = (high - low) * 2 ** -30;
      expect(encodeFloat(format, middle)).toBe(code % 2 === 0 ? code : code + 1);
      expect(encodeFloat(format, middle - tiny)).toBe(code);
      expect(encodeFloat(format, middle + tiny)).toBe(code + 1);
    }
  });

  test.each(formats)("%s: the result is a nearest number, and the sign is kept", (format) => {
    fc.assert(
      fc.property(anyDouble, (x) => {
        const code = encodeFloat(format, x);
        const value = decodeFloat(format, code);
        if (!Number.isFinite(value)) return Number.isNaN(x) || Math.abs(x) > limits[format].max;
        const sign = codesOf(format) / 2;
        const neighbours = [code - 1, code + 1]
          .filter((c) => c >= 0 && (c & sign) === (code & sign))
          .map((c) => decodeFloat(format, c))
          .filter(Number.isFinite);
        const error = Math.abs(x - value);
        const keepsSign = value === 0 ? !format.endsWith("fnuz") || code === 0 : Math.sign(value) === Math.sign(x);
        return keepsSign && neighbours.every((n) => error <= Math.abs(x - n));
      }),
      { numRuns: 3000 },
    );
  });

  test("overflow", () => {
    expect(encodeFloat("f16", 65519.99)).toBe(0x7bff);
    expect(encodeFloat("f16", 65520)).toBe(0x7c00);
    expect(encodeFloat("f16", -1e300)).toBe(0xfc00);
    expect(encodeFloat("f8_e4m3", 464)).toBe(0x7e);
    expect(encodeFloat("f8_e4m3", 465)).toBe(0x7f);
    expect(encodeFloat("f8_e4m3", -Infinity)).toBe(0xff);
    expect(encodeFloat("f8_e5m2fnuz", -Infinity)).toBe(0x80);
    expect(encodeFloat("bf16", 3.4e38)).toBe(0x7f80);
  });

  test("a double is rounded once: just above a float16 midpoint goes up, although float32 would lose the excess", () => {
    const midpoint = 1 + 2 ** -11;
    expect(encodeFloat("f16", midpoint + 2 ** -40)).toBe(0x3c01);
    expect([...narrow("f16", Float64Array.of(midpoint + 2 ** -40, midpoint))]).toEqual([0x3c01, 0x3c00]);
  });

  test.each(["f16", "bf16"] as const)("narrow(%s) of float32 agrees with encodeFloat on any bit pattern", (format) => {
    fc.assert(
      fc.property(fc.uint32Array({ minLength: 1, maxLength: 400 }), (bits) => {
        const values = new Float32Array(bits.buffer);
        return narrow(format, values).every((code, i) => code === encodeFloat(format, values[i] ?? 0));
      }),
      { numRuns: 300 },
    );
    const edges = allCodes(format).flatMap((code) => {
      const low = decodeFloat(format, code);
      const middle = Math.fround((low + decodeFloat(format, code ^ 1)) / 2);
      return [low, middle, middle * (1 + 2 ** -23), middle * (1 - 2 ** -23)];
    });
    const values = Float32Array.from(edges);
    expect(narrow(format, values).findIndex((code, i) => code !== encodeFloat(format, values[i] ?? 0))).toBe(-1);
  });
});

describe("bytes of elements", () => {
  test.each(dtypes)("%s: small integers survive bytes and back", (dtype) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1 })), (values) => {
        const numbers = Float64Array.from(values);
        // Four bits make a byte with the next four: an odd number of them comes back with a zero.
        return decodeNumbers(dtype, encodeNumbers(dtype, numbers)).every((v, i) => v === (numbers[i] ?? 0));
      }),
    );
  });

  test.each(["f32", "f64", "i32", "i8", "i64"] as const)("%s agrees with DataView", (dtype) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -128, max: 127 })), (values) => {
        const bytes = encodeNumbers(dtype, Float64Array.from(values));
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const read = {
          f32: (i: number) => view.getFloat32(4 * i, true),
          f64: (i: number) => view.getFloat64(8 * i, true),
          i32: (i: number) => view.getInt32(4 * i, true),
          i8: (i: number) => view.getInt8(i),
          i64: (i: number) => Number(view.getBigInt64(8 * i, true)),
        }[dtype];
        return values.every((v, i) => read(i) === v);
      }),
    );
  });

  test("integers are cut towards zero; what is no number is 0 or true", () => {
    const odd = Float64Array.of(-1.7, 2.9, Number.NaN, Infinity);
    expect([...decodeNumbers("i64", encodeNumbers("i64", odd))]).toEqual([-1, 2, 0, 0]);
    expect([...decodeNumbers("i32", encodeNumbers("i32", odd))]).toEqual([-1, 2, 0, 0]);
    expect([...encodeNumbers("bool", odd)]).toEqual([1, 1, 1, 1]);
  });

  test("views share aligned memory and copy the rest, Buffers too", () => {
    const floats = Float32Array.of(1, 2, 3);
    expect(viewAs(bytesOf(floats), Float32Array).buffer).toBe(floats.buffer);
    const shifted = Buffer.concat([Buffer.of(0), bytesOf(floats)]).subarray(1);
    expect([...viewAs(shifted, Float32Array)]).toEqual([1, 2, 3]);
  });
});
