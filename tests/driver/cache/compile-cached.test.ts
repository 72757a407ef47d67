import { expect, test } from "vitest";
import { loadArtifact } from "../../../src/driver/artifact.ts";
import { compileCached } from "../../../src/driver/cache/compile-cached.ts";
import { buildCache } from "../../../src/driver/cache/folder.ts";
import type { CompileRequest } from "../../../src/driver/compile.ts";
import { temporaryFolder } from "../workspace.ts";
import { bytesOf, tiny } from "./caches.ts";

const at = temporaryFolder();

test.each<[string, Partial<CompileRequest>]>([
  ["onnx", {}],
  ["structure", { weights: "none" }],
  ["transformers", { layout: "transformers-js" }],
  ["webgpu", { target: "webgpu" }],
  ["cuda", { target: "cuda" }],
])("a second compile takes the artifact from the cache, byte for byte: %s", async (name, request) => {
  const cache = buildCache({ folder: at(`cache-${name}`) });
  const first = await compileCached(cache, { ...tiny(at(`${name}-1`)), ...request });
  const second = await compileCached(cache, { ...tiny(at(`${name}-2`)), ...request });
  expect([first.hit, second.hit, second.key]).toEqual([false, true, first.key]);
  expect(second.manifest).toEqual(first.manifest);
  expect(bytesOf(at(`${name}-2`))).toEqual(bytesOf(at(`${name}-1`)));
  if (request.weights !== "none") await loadArtifact(at(`${name}-2`));
});
