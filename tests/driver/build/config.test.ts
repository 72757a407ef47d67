import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, test } from "vitest";
import { z } from "zod";
import { checkConfig, loadConfig } from "../../../src/driver/build/config.ts";
import { configSchema } from "../../../src/driver/build/config-schema.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { refusal, temporaryFolder } from "../workspace.ts";

const at = temporaryFolder();
const published = z.toJSONSchema(configSchema, { io: "input" });

/** `npx vitest run tests/driver/build/config.test.ts -u` writes the file anew after a change of the schema. */
test("data/build.schema.json is what the source says", async () => {
  const text = `${JSON.stringify(published, undefined, 2)}\n`;
  await expect(text).toMatchFileSnapshot("../../../data/build.schema.json");
});

function written(name: string, text: string): string {
  const file = at(name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

describe("files", () => {
  const config = { models: ["test_resnet"], inputSizes: [64, "test"] };
  const body = `defineConfig(${JSON.stringify(config)})`;

  it.each([
    ["a.json", JSON.stringify({ $schema: "https://example.org/build.schema.json", ...config })],
    ["a.ts", `import { defineConfig } from "timmc";\nconst made: unknown = ${body};\nexport default made;`],
    ["a.mjs", `import { defineConfig } from "timmc";\nexport default ${body};`],
    [
      "b.ts",
      `import { registry } from "timmc";\nimport { sizes } from "./sizes.ts";
      export default { models: registry.listArchitectures().filter((m) => m === "test_resnet"), inputSizes: sizes };`,
    ],
  ])("%s", async (name, text) => {
    written("sizes.ts", 'export const sizes: readonly (number | "test")[] = [64, "test"];');
    const loaded = await loadConfig(written(name, text));
    expect(loaded.config).toMatchObject(config);
    expect(loaded.folder).toBe(dirname(at("a.json")));
  });

  it("is read anew each time", async () => {
    const file = written("twice.ts", 'export default { models: ["test_resnet"] };');
    await loadConfig(file);
    writeFileSync(file, 'export default { models: ["test_vit"] };');
    expect((await loadConfig(file)).config.models).toEqual(["test_vit"]);
  });

  it.each([
    ["none.json", undefined, /^io: .*none\.json: there is no such file/],
    ["a.yaml", "models: []", /^usage: .*a configuration ends in \.ts/],
    ["broken.json", "{ models: 1 }", /^config: .*this is not JSON/],
    ["throws.ts", 'throw new Error("no idea");', /^config: .*it cannot be loaded: no idea/],
    ["syntax.ts", "export default {", /^config: .*it cannot be loaded/],
    ["named.ts", "export const models = [];", /^config: .*it exports no configuration/],
  ])("%s is refused", async (name, text, message) => {
    const file = text === undefined ? at(name) : written(name, text);
    expect(await refusal(loadConfig(file))).toMatch(message);
  });
});

const refused = (value: unknown): string => {
  try {
    checkConfig(value, "f");
    return "accepted";
  } catch (error) {
    if (error instanceof TimmcError) return `${error.code}: ${error.describe()}`;
    throw error;
  }
};

describe("what is wrong is said with its place and the nearest names", () => {
  const cyclic: Record<string, unknown> = { models: ["test_resnet"] };
  cyclic["include"] = [cyclic];
  const deep = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`) as unknown;

  it.each<readonly [unknown, RegExp]>([
    [{ models: ["a"], targts: [] }, /there is no key "targts"\n {2}Did you mean "targets"/],
    [{ models: ["a"], target: "onnx" }, /there is no key "target"\n {2}Did you mean "targets"/],
    [
      { models: ["a"], targets: ["onnx", "webgpuu"] },
      /f > targets > 1: "webgpuu" is none: .*\n {2}Did you mean "webgpu"\?/,
    ],
    [
      { models: ["a"], include: [{ models: "b" }] },
      /f > include > 0: there is no key "models"\n {2}Did you mean "model"/,
    ],
    [{ models: ["a"], exclude: [{}, { opset: 3 }] }, /f > exclude > 1 > opset: 3 is none: it takes an integer from 17/],
    [{ models: ["a"], inputSizes: [3, 224, 224] }, /write \[\[3, 224, 224\]\]/],
    [{ models: ["a"], weights: { file: 3 } }, /f > weights: \{"file":3\} is none: it takes "pretrained"/],
    [{ models: [] }, /f > models: the list is empty/],
    [{ targets: ["onnx"] }, /f: it names no models/],
    [{ models: ["a"], args: [() => 1] }, /f > args > 0: a function is no data/],
    [{ models: ["a"], batch: [Number.NaN] }, /NaN is not a number that JSON has/],
    [{ models: ["a"], cfg: new Date() }, /f > cfg: a object is no data/],
    [{ models: ["a"], args: deep }, /nested deeper than 32, or holds itself/],
    [{ models: Array.from({ length: 300_000 }, () => "a") }, /more than 200000 values/],
    [cyclic, /nested deeper than 32, or holds itself/],
    [null, /this is no configuration/],
    [[1], /this is no configuration/],
    ["x", /this is no configuration/],
  ])("%#", (value, message) => {
    expect(refused(value)).toMatch(message);
    expect(refused(value)).toMatch(/^config: /);
  });

  it("a prototype is no key", () => {
    expect(refused(JSON.parse('{"models":["a"],"__proto__":{"targets":["onnx"]}}'))).toMatch(/no key "__proto__"/);
  });
});

/** Editors read the published schema, timmc reads the source: they must agree. */
describe("both readings of the schema", () => {
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(published);
  it.each<readonly [unknown, boolean]>([
    [{ models: "resnet50" }, true],
    [{ models: ["resnet50"], taps: ["logits"], args: {}, passes: [] }, true],
    [{ models: ["resnet50"], taps: [["logits"], ["features"]], args: [{}, { num_classes: 2 }] }, true],
    [{ models: ["resnet50"], inputSizes: [224, [224, 256], [1, 224, 256], "test", "default"] }, true],
    [{ models: ["resnet50"], weights: ["none", { file: "a" }], calibration: { images: "a" } }, true],
    [{ models: ["resnet50"], include: [{ model: "a", batch: 2 }], exclude: [{ target: "cuda" }] }, true],
    [{ models: ["resnet50"], inputSizes: ["big"] }, false],
    [{ models: ["resnet50"], inputSizes: [[1, 2, 3, 4]] }, false],
    [{ models: ["resnet50"], weights: { file: "a", other: 1 } }, false],
    [{ models: [""] }, false],
    [{ models: ["resnet50"], opsets: [17.5] }, false],
    [{ models: ["resnet50"], other: 1 }, false],
  ])("agree on %j", (value, fits) => {
    expect(validate(value), JSON.stringify(validate.errors)).toBe(fits);
    expect(refused(value) === "accepted").toBe(fits);
  });
});
