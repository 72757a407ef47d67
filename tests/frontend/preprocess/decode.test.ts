import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { decodeImage } from "../../../src/frontend/preprocess/decode.ts";
import { toLuma } from "../../../src/frontend/preprocess/image.ts";
import { dataPath, readJson, sha256 } from "./data-files.ts";
import { expectError } from "./expect-error.ts";

/** File, width, height, SHA-256 of `convert("RGB")` and of `convert("L")`, by Pillow 12.3 (11.3 gives the same). */
const decoded = readJson("decoded.json") as [string, number, number, string, string][];

const bytesOf = (name: string): Uint8Array => readFileSync(dataPath(name));

describe("pictures of every kind decode as Pillow decodes them", () => {
  test.each(decoded)("%s", async (file, width, height, rgb, luma) => {
    const image = await decodeImage(dataPath(`decode/${file}`));
    expect([image.width, image.height]).toEqual([width, height]);
    expect(sha256(image.data)).toBe(rgb);
    expect(sha256(toLuma(image).data)).toBe(luma);
  });

  test("bytes and path are the same picture", async () => {
    const image = await decodeImage(bytesOf("small.png"));
    expect(image).toEqual(await decodeImage(dataPath("small.png")));
  });
});

describe("truncated and damaged pictures", () => {
  const names = ["small.png", "decode/progressive.jpg", "decode/subsampling-2.jpg", "decode/lossy.webp"];

  test.each(names)("%s cut anywhere is an error that names the byte", async (name) => {
    const bytes = bytesOf(name);
    for (const part of [0.2, 0.5, 0.9]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      const error = await expectError("io", () => decodeImage(cut));
      expect(error.message).toContain(`truncated: the file ends at byte ${cut.length}`);
      expect(error.hint).toContain("PNG, JPEG and WebP");
    }
  });

  test("a PNG with a wrong checksum is damaged, not truncated", async () => {
    const bytes = bytesOf("small.png").slice();
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 0x55;
    const error = await expectError("io", () => decodeImage(bytes));
    expect(error.message).toContain("the PNG picture is damaged");
  });

  test("bytes after the end do not matter", async () => {
    const longer = Buffer.concat([bytesOf("small.png"), Buffer.from("more")]);
    expect(await decodeImage(longer)).toEqual(await decodeImage(bytesOf("small.png")));
  });

  test("no bytes whatever bring anything but a picture or a TimmcError", async () => {
    const heads = ["\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "RIFF\0\0\0\0WEBP", ""].map((head) =>
      Buffer.from(head, "latin1"),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 200 }), async (head, tail) => {
        await expectError("io", () => decodeImage(Buffer.concat([head, tail])));
      }),
      { numRuns: 100 },
    );
  });
});

describe("what is no picture, or none that is read", () => {
  test("a missing file and a folder", async () => {
    const missing = await expectError("io", () => decodeImage(dataPath("none.png")));
    expect(missing.describe()).toBe(`${dataPath("none.png")}: no such file`);
    const folder = await expectError("io", () => decodeImage(dataPath("decode")));
    expect(folder.message).toBe("is not a file");
  });

  test.skipIf(process.platform === "win32")("a named pipe and a device are refused without waiting", async () => {
    const folder = mkdtempSync(join(tmpdir(), "timmc-decode-"));
    try {
      execFileSync("mkfifo", [join(folder, "pipe.png")]);
      await expectError("io", () => decodeImage(join(folder, "pipe.png")));
      await expectError("io", () => decodeImage("/dev/zero"));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("an empty file and a text", async () => {
    expect((await expectError("io", () => decodeImage(new Uint8Array()))).message).toBe("the file is empty");
    const error = await expectError("io", () => decodeImage(dataPath("resizes.json")));
    expect(error.message).toBe("not a picture in a known format");
    expect(error.hint).toContain("PNG, JPEG and WebP");
  });

  test.each([
    ["GIF", "GIF89a"],
    ["TIFF", "II*\0"],
    ["BMP", "BM"],
    ["SVG or XML", "<svg xmlns='http://www.w3.org/2000/svg'/>"],
    ["HEIF or AVIF", "\0\0\0\x1cftypavif"],
    ["PDF", "%PDF-1.7"],
  ])("%s is refused by name", async (name, head) => {
    const error = await expectError("unsupported", () => decodeImage(Buffer.from(`${head} rest`, "latin1")));
    expect(error.message).toBe(`${name} is not read`);
    expect(error.hint).toContain("convert the picture to PNG");
  });
});

describe("bounds", () => {
  const chunk = (type: string, body: Uint8Array): Uint8Array => {
    const bytes = Buffer.alloc(body.length + 12);
    bytes.writeUInt32BE(body.length, 0);
    bytes.write(type, 4, "latin1");
    bytes.set(body, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, body.length + 8)), body.length + 8);
    return bytes;
  };
  const bomb = (width: number, height: number): Uint8Array => {
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, 0], 8);
    const body = [
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(Buffer.alloc(1000))),
      chunk("IEND", Buffer.alloc(0)),
    ];
    return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...body]);
  };

  test("a small file that declares more pixels than Pillow takes is refused before it is decoded", async () => {
    const error = await expectError("unsupported", () => decodeImage(bomb(20_000, 9_000)));
    expect(error.message).toBe("the picture has 20000x9000 pixels; the bound is 178956970");
  });

  test("the bound can be lowered, and is inclusive", async () => {
    const small = bytesOf("small.png");
    await expectError("unsupported", () => decodeImage(small, { maxPixels: 61 * 48 - 1 }));
    expect((await decodeImage(small, { maxPixels: 61 * 48 })).width).toBe(61);
  });

  test("a picture of no pixels is damaged", async () => {
    await expectError("io", () => decodeImage(bomb(0, 5)));
  });

  test("a file above the size bound is refused before it is read", async () => {
    const folder = mkdtempSync(join(tmpdir(), "timmc-decode-"));
    try {
      const path = join(folder, "long.png");
      writeFileSync(path, "");
      const { truncate } = await import("node:fs/promises");
      await truncate(path, 2 ** 30 + 1);
      await expectError("unsupported", () => decodeImage(path));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("without sharp", () => {
  afterEach(() => {
    vi.doUnmock("sharp");
    vi.resetModules();
  });

  test("the error says how to install it, and what needs no decoder still answers", async () => {
    vi.resetModules();
    vi.doMock("sharp", () => {
      throw new Error("Could not load the sharp module");
    });
    const fresh = await import("../../../src/frontend/preprocess/decode.ts");
    const outcome: unknown = await fresh.decodeImage(bytesOf("small.png")).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ name: "TimmcError", code: "dependency" });
    expect(outcome).toHaveProperty("hint", expect.stringContaining("npm install sharp"));
    expect(await fresh.decodeImage(new Uint8Array()).catch((error: unknown) => error)).toMatchObject({ code: "io" });
  });
});
