import { expect, test, vi } from "vitest";
import { info } from "../../src/driver/info.ts";
import { shapesModel } from "./workspace.ts";

vi.mock("../../src/frontend/local-dir.ts", async (original) => {
  const module = await original<typeof import("../../src/frontend/local-dir.ts")>();
  return { ...module, readLocalDir: vi.fn(module.readLocalDir) };
});

test("info reads a folder's configuration once", async () => {
  const { readLocalDir } = await import("../../src/frontend/local-dir.ts");
  await info({ model: `local-dir:${shapesModel}` });
  expect(readLocalDir).toHaveBeenCalledTimes(1);
});
