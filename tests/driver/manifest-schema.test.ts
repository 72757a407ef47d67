import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type CompileRequest, compile } from "../../src/driver/compile.ts";
import { manifestSchema } from "../../src/driver/manifest-schema.ts";

const published = z.toJSONSchema(manifestSchema, { io: "input" });

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "timmc-schema-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `npx vitest run tests/driver/manifest-schema.test.ts -u` writes the file anew after a change of the schema. */
test("data/manifest.schema.json is what the source says", async () => {
  const text = `${JSON.stringify(published, undefined, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../data/manifest.schema.json");
});

describe("manifests", () => {
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(published);
  const requests: readonly Omit<CompileRequest, "out">[] = [
    { model: "test_resnet", weights: "synthetic" },
    { model: "test_resnet", weights: "none", batch: 2, optimization: "O0", opset: 21 },
    { model: "test_resnet", weights: "synthetic", args: { features_only: true, out_indices: [1, -1] } },
    { model: "test_resnet", weights: "synthetic", args: { in_chans: 1 }, taps: ["pre_logits", "module:layer1.0"] },
  ];

  test.each(requests)("of %o fit the published schema", async (request) => {
    const manifest: unknown = JSON.parse(JSON.stringify(await compile({ ...request, out: join(folder, "a") })));
    expect(validate(manifest), JSON.stringify(validate.errors)).toBe(true);
    expect(manifestSchema.parse(manifest)).toEqual(manifest);
  });

  const paths = ["../x", "/etc/passwd", "C:/x", "a\\b", "a//b", "./a", "a/..", "a/../b", "..", "a b", "", "a/", "a\n"];
  test.each(paths)("the path %j is refused by both readings of the schema", async (path) => {
    const manifest = await compile({ model: "test_resnet", weights: "none", out: join(folder, "a") });
    const hostile = { ...manifest, files: [{ path, bytes: 1, sha256: "0".repeat(64) }] };
    expect(validate(hostile)).toBe(false);
    expect(manifestSchema.safeParse(hostile).success).toBe(false);
  });
});
