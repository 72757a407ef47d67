import { writeFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OnnxDType } from "../../../src/backends/onnx/model.ts";
import { onnxDTypes, tensorByteLength } from "../../../src/backends/onnx/model.ts";
import { type TensorPlace, compareTensors } from "../../../src/driver/diff/tensor-change.ts";
import { bytesOf } from "../../../src/ir/bytes.ts";
import { encodeFloat } from "../../../src/ir/float.ts";
import { refusal, temporaryFolder } from "../workspace.ts";

const at = temporaryFolder();

/** A tensor in a file of its own, behind `offset` other bytes. */
function placed(name: string, dtype: OnnxDType | null, elements: number, bytes: Uint8Array, offset = 3): TensorPlace {
  writeFileSync(at(name), Buffer.concat([Buffer.alloc(offset, 0x5a), bytes]));
  return { path: at(name), offset, bytes: bytes.length, elements, dtype };
}

const floats = (name: string, values: readonly number[]): TensorPlace =>
  placed(name, "f32", values.length, bytesOf(Float32Array.from(values)));

describe("compareTensors", () => {
  test("finds the largest changes of float32 as a loop over the numbers does", async () => {
    const number = fc.float({ noNaN: true, noDefaultInfinity: true });
    const pair = fc.array(fc.tuple(number, number), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(pair, async (pairs) => {
        const [x, y] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
        const { numbers } = await compareTensors(floats("x", x), floats("y", y));
        const differing = pairs.filter(([a, b]) => a !== b);
        expect(numbers).toEqual({
          changed: differing.length,
          max_abs: Math.max(0, ...differing.map(([a, b]) => Math.abs(a - b))),
          max_rel: Math.max(0, ...differing.map(([a, b]) => Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b)))),
          not_finite: 0,
        });
      }),
      { numRuns: 60 },
    );
  });

  test.each(onnxDTypes)("finds one changed element of %s in the last of several pieces", async (dtype) => {
    const elements = 2 ** 18 + 3;
    const bytes = new Uint8Array(tensorByteLength({ dtype, dims: [elements] }));
    const same = placed("same", dtype, elements, bytes);
    expect(await compareTensors(same, placed("other", dtype, elements, bytes, 8))).toEqual({
      sameBytes: true,
      numbers: { changed: 0, max_abs: 0, max_rel: 0, not_finite: 0 },
    });
    // The last element's lowest byte, or low half of it.
    const size = bytes.length / elements;
    bytes[bytes.length - Math.max(1, Math.round(size))] = 1;
    const { sameBytes, numbers } = await compareTensors(same, placed("changed", dtype, elements, bytes));
    expect(sameBytes).toBe(false);
    expect(numbers).toMatchObject({ changed: 1, max_rel: 1, not_finite: 0 });
    expect(numbers?.max_abs).toBeGreaterThan(0);
  });

  test("reads four bits with their sign, the first in the low half", async () => {
    const [a, b] = [Uint8Array.of(0x0f, 0x70), Uint8Array.of(0x01, 0x80)];
    expect((await compareTensors(placed("a", "i4", 4, a), placed("b", "i4", 4, b))).numbers).toMatchObject({
      changed: 2,
      max_abs: 15,
    });
    expect((await compareTensors(placed("a", "u4", 4, a), placed("b", "u4", 4, b))).numbers).toMatchObject({
      changed: 2,
      max_abs: 14,
    });
  });

  test("compares floats of different widths, and no other types of two kinds", async () => {
    const values = [1, 0.1, -3];
    const halves = bytesOf(Uint16Array.from(values, (x) => encodeFloat("f16", x)));
    const { sameBytes, numbers } = await compareTensors(floats("wide", values), placed("half", "f16", 3, halves));
    expect(sameBytes).toBe(false);
    expect(numbers).toMatchObject({ changed: 1 });
    expect(numbers?.max_abs).toBeCloseTo(2.44e-5, 6);
    const bytes = placed("bytes", "u8", 3, Uint8Array.of(1, 2, 3));
    expect(await compareTensors(floats("wide", values), bytes)).toEqual({ sameBytes: false, numbers: null });
  });

  test("counts what is not finite apart; NaN is NaN, and zero is zero of either sign", async () => {
    const a = floats("a", [NaN, Infinity, 1, 0, Infinity]);
    const b = floats("b", [NaN, -Infinity, NaN, -0, Infinity]);
    const { sameBytes, numbers } = await compareTensors(a, b);
    expect(sameBytes).toBe(false);
    expect(numbers).toEqual({ changed: 2, max_abs: 0, max_rel: 0, not_finite: 2 });
  });

  test("stops between pieces, and refuses a file that was cut", async () => {
    const long = placed("long", "u8", 2 ** 20, new Uint8Array(2 ** 20));
    expect(await refusal(compareTensors(long, long, AbortSignal.abort()))).toMatch(/^interrupted/);
    const short = { ...placed("short", "u8", 4, new Uint8Array(4)), elements: 2 ** 20 };
    expect(await refusal(compareTensors(long, short))).toMatch(/^io: .*cut while it was read/);
  });
});
