import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../driver/workspace.ts";
import { node, root } from "./command.ts";

/** What each example says when it has worked. */
const examples: Readonly<Record<string, readonly RegExp[]>> = {
  "adapt/adapt.js": [
    /^chosen: features\.3 \(layer3\)/m,
    /^freeze: conv1, bn1, layer1, layer2$/m,
    /^verified$/m,
    /^20 of 20 pictures right$/m,
  ],
  "build-variants.js": [
    /^first: 7 built, 0 kept, 0 failed$/m,
    /^second: 0 built, 7 kept, 0 failed$/m,
    /^ {2}test_resnet\.shapes\/96x96-onnx-logits\+features/m,
  ],
  "compile-and-run.js": [/model\.onnx \(\d+ bytes\)/, /^verified$/m, /^ring-2\.png: ring /m],
  "feature-stages.js": [/^features\.3: 2 x 48 x 10 x 14$/m, /^module:blocks\.1: 2 x 24 x 20 x 28$/m],
  "typed-client.js": [
    /^logits: 1 x 10$/m,
    /^features\.2: 1 x 48 x 12 x 12$/m,
    /^star$/m,
    /takes Float32Array\[N,3,96,96\]/,
  ],
  "library.js": [/of the family resnet/, /graph @resnet18/, /did you mean num_classes/],
};

const lines = (file: string): number => readFileSync(file, "utf8").split("\n").length - 1;

const place = temporaryFolder();

/** The examples run on the build: `npm run build` comes first, and `npm test` does it. */
describe("examples", () => {
  it("are all known here", () => {
    const files = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" });
    const programs = files.filter((name) => name.endsWith(".js") && !name.startsWith("web"));
    expect(programs.sort()).toEqual(Object.keys(examples).sort());
    // tests/browser/web-example.test.ts runs these.
    for (const name of files.filter((name) => name.startsWith("web") && /\.(?:js|html)$/.test(name)))
      expect(lines(join(root, "examples", name)), name).toBeLessThan(name.endsWith(".js") ? 60 : 80);
  });

  it.each(Object.entries(examples))("%s", async (name, said) => {
    const file = join(root, "examples", name);
    expect(lines(file)).toBeLessThan(60);
    const { status, stdout, stderr } = await node([file, place(name.replace("/", "-"))]);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    for (const pattern of said) expect(stdout).toMatch(pattern);
  });
});

it("the README's program works", async () => {
  const [, program = ""] =
    /```js\n(import [^\n]* from "timmc";[\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
  const code = program.replaceAll('"out"', JSON.stringify(place("readme")));
  const { status, stdout, stderr } = await node(["--input-type=module", "--eval", code]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/true star$/m);
  expect(status).toBe(0);
});

it("npm start does the main job on the bundled model", async () => {
  const file = join(root, "scripts/start.js");
  expect(lines(file)).toBeLessThan(60);
  const { status, stdout, stderr } = await node([file]);
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^verified +passed/m);
  expect(stdout).toMatch(/^pictures +20 of 20 right$/m);
  expect(stdout).toMatch(/^logits +equal to timm's/m);
  expect(stdout).toMatch(/^artifact +artifacts/m);
  expect(status).toBe(0);
});
