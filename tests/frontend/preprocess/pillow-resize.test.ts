import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../../src/frontend/preprocess/decode.ts";
import { toLuma } from "../../../src/frontend/preprocess/image.ts";
import type { Raster } from "../../../src/frontend/preprocess/image.ts";
import { resizePlanes } from "../../../src/frontend/preprocess/pillow-resize.ts";
import type { ResizeFilter } from "../../../src/frontend/preprocess/pillow-resize.ts";
import { dataPath, readJson, sha256 } from "./data-files.ts";
import { expectError } from "./expect-error.ts";

/** Picture, mode, filter, width, height, SHA-256 of the planes, by Pillow 12.3 (11.3 gives the same). */
const resizes = readJson("resizes.json") as [string, "RGB" | "L", ResizeFilter, number, number, string][];

const filters: readonly ResizeFilter[] = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"];

const raster = async (name: string, mode: "RGB" | "L"): Promise<Raster> => {
  const image = await decodeImage(dataPath(name));
  return mode === "L" ? toLuma(image) : { ...image, channels: 3 };
};

describe("the same bytes as Pillow", () => {
  test.each(resizes)("%s as %s, %s to %ix%i", async (name, mode, filter, width, height, digest) => {
    expect(sha256(resizePlanes(await raster(name, mode), { width, height }, filter))).toBe(digest);
  });
});

const side = fc.integer({ min: 1, max: 40 });
const anyFilter = fc.constantFrom(...filters);
const anyRaster = fc
  .tuple(side, side, fc.constantFrom<1 | 3>(1, 3))
  .chain(([width, height, channels]) =>
    fc
      .uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
      .map((data): Raster => ({ width, height, channels, data })),
  );

const toPlanes = ({ width, height, channels, data }: Raster): Uint8Array =>
  Uint8Array.from({ length: data.length }, (_, at) => {
    const area = width * height;
    return data[(at % area) * channels + Math.floor(at / area)] ?? 0;
  });

describe("laws", () => {
  test("an unchanged size is a copy", () => {
    fc.assert(
      fc.property(anyRaster, anyFilter, (image, filter) => {
        expect(resizePlanes(image, image, filter)).toEqual(toPlanes(image));
      }),
    );
  });

  test("a constant picture stays constant", () => {
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.nat(255),
        anyFilter,
        (width, height, newWidth, newHeight, value, filter) => {
          const image: Raster = { width, height, channels: 1, data: new Uint8Array(width * height).fill(value) };
          const planes = resizePlanes(image, { width: newWidth, height: newHeight }, filter);
          expect(planes).toEqual(new Uint8Array(newWidth * newHeight).fill(value));
        },
      ),
    );
  });

  test("a window is that part of the whole", () => {
    const span = (length: number) =>
      fc
        .nat(length - 1)
        .chain((start) =>
          fc.record({ start: fc.constant(start), length: fc.integer({ min: 1, max: length - start }) }),
        );
    const sized = fc
      .tuple(side, side)
      .chain(([width, height]) =>
        fc.record({ width: fc.constant(width), height: fc.constant(height), columns: span(width), rows: span(height) }),
      );
    fc.assert(
      fc.property(anyRaster, anyFilter, sized, (image, filter, { width, height, columns, rows }) => {
        const whole = resizePlanes(image, { width, height }, filter);
        const part = resizePlanes(image, { width, height }, filter, { columns, rows });
        const cut: number[] = [];
        for (let channel = 0; channel < image.channels; channel++) {
          for (let y = rows.start; y < rows.start + rows.length; y++) {
            const from = (channel * height + y) * width + columns.start;
            cut.push(...whole.subarray(from, from + columns.length));
          }
        }
        expect([...part]).toEqual(cut);
      }),
    );
  });

  test("columns and rows are resampled independently of one another's content: channels too", () => {
    fc.assert(
      fc.property(anyRaster, anyFilter, side, side, (image, filter, width, height) => {
        const planes = resizePlanes(image, { width, height }, filter);
        const separate = Array.from({ length: image.channels }, (_, channel) => {
          const data = toPlanes(image).slice(
            channel * image.width * image.height,
            (channel + 1) * image.width * image.height,
          );
          return [...resizePlanes({ ...image, channels: 1, data }, { width, height }, filter)];
        });
        expect([...planes]).toEqual(separate.flat());
      }),
    );
  });
});

describe("bounds", () => {
  const line: Raster = { width: 5000, height: 1, channels: 1, data: new Uint8Array(5000) };

  test.each([
    [0, 5],
    [5, 0],
    [2 ** 29, 5],
    [2 ** 20, 2 ** 20],
    [Number.NaN, 5],
    [5, Number.POSITIVE_INFINITY],
  ])("an output of %d x %d is refused", async (width, height) => {
    const error = await expectError("unsupported", () => resizePlanes(line, { width, height }, "bicubic"));
    expect(error.message).toContain("5000x1");
  });

  test("an output of a hundred million columns costs only its window", () => {
    const size = { width: 100_000_000, height: 1 };
    const window = { columns: { start: 99_999_990, length: 10 }, rows: { start: 0, length: 1 } };
    expect(resizePlanes(line, size, "lanczos", window)).toEqual(new Uint8Array(10));
  });

  test("an intermediate of gigabytes is refused", async () => {
    const pole: Raster = { width: 1, height: 4_000_000, channels: 1, data: new Uint8Array(4_000_000) };
    await expectError("unsupported", () => resizePlanes(pole, { width: 256, height: 256 }, "bilinear"));
  });
});
