import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");

test("the runtime is a few kilobytes without anything of Node's, minified and gzipped", async () => {
  const built = await build({
    root,
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      minify: true,
      target: "es2022",
      lib: { entry: join(root, "src/runtime/webgpu/index.ts"), formats: ["es"] },
    },
  });
  const [chunk, ...more] = [built].flat().flatMap((b) => ("output" in b ? b.output : []));
  expect(more).toEqual([]);
  if (chunk?.type !== "chunk") throw new Error("nothing was built");
  expect(chunk.imports).toEqual([]);
  expect(chunk.code).not.toMatch(/\bnode:|\brequire\b|\bprocess\b|\bBuffer\./);
  expect(chunk.exports).toEqual(expect.arrayContaining(["WebGpuError", "loadModel", "needsOf", "requestDevice"]));
  expect(gzipSync(chunk.code).length).toBeLessThan(6000);
  console.log(`timmc/runtime/webgpu: ${chunk.code.length} bytes, ${gzipSync(chunk.code).length} gzipped`);
});
