import { afterEach, expect, test, vi } from "vitest";
import { TimmcError } from "../../src/ir/error.ts";
import { loadOrt } from "../../src/runtime/ort.ts";

afterEach(() => {
  vi.doUnmock("onnxruntime-node");
  vi.unstubAllEnvs();
});

test("a runtime that does not load is a missing dependency, with the command that installs it", async () => {
  vi.doMock("onnxruntime-node", () => {
    throw new Error("no such library");
  });
  const error: unknown = await loadOrt().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(TimmcError);
  expect(error).toMatchObject({ code: "dependency", hint: expect.stringContaining("npm install onnxruntime-node") });
});

test("the runtime does not report usage, unless the user lets it", async () => {
  vi.stubEnv("ORT_DISABLE_TELEMETRY", undefined);
  expect((await loadOrt()).version).toMatch(/^1\./);
  expect(process.env["ORT_DISABLE_TELEMETRY"]).toBe("1");
  vi.stubEnv("ORT_DISABLE_TELEMETRY", "0");
  await loadOrt();
  expect(process.env["ORT_DISABLE_TELEMETRY"]).toBe("0");
});

test("a file that is no model is refused with the runtime's own words", async () => {
  const ort = await loadOrt();
  await expect(ort.open(import.meta.filename)).rejects.toMatchObject({
    code: "unsupported",
    message: expect.stringMatching(/^ONNX Runtime does not load the model: /),
    trail: [import.meta.filename],
  });
});
