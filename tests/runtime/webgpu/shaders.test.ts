import * as fc from "fast-check";
import { expect, it } from "vitest";
import { shaderModule, shadersOf } from "../../../src/runtime/webgpu-shaders.ts";

const shader = fc.stringMatching(/^[\n -#%-[\]-_a-~]*$/).filter((text) => !/^ /m.test(text));

it("reads what it writes", () => {
  fc.assert(
    fc.property(fc.array(shader), (shaders) => {
      expect(shadersOf(shaderModule(shaders))).toEqual(shaders);
    }),
  );
});

it("is a module that exports the shaders", async () => {
  const text = shaderModule(["fn a() {\n  let x = 1;\n}\n", "fn b() {}"]);
  const module: unknown = await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(text)}`);
  expect(module).toMatchObject({ shaders: ["fn a() {\nlet x = 1;\n}\n", "fn b() {}"] });
});

it.each([
  "",
  "export const shaders = [",
  "export const shaders = [\n`a`,\nprocess.exit(),\n`b`,\n];\n",
  "export const shaders = [\n`${process.exit()}`,\n];\n",
  "export const shaders = [\n`a\\`,\n];\n",
  "export const shaders = [\n`a`,\n];\nprocess.exit();\n",
  "export const shaders = [\n`a\n];\n",
])("reads no other module: %j", (text) => {
  expect(shadersOf(text)).toBeUndefined();
});
