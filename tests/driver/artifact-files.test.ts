import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { emitOnnx } from "../../src/backends/onnx/emit.ts";
import { type ArtifactNames, stageArtifact } from "../../src/driver/artifact-files.ts";
import { writeModel } from "../../src/driver/artifact-model.ts";
import { hashFile, hashFiles, identityOf } from "../../src/driver/hash-file.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { openModelWeights } from "../../src/driver/weights.ts";
import { ownedName } from "../../src/driver/owned-name.ts";
import { resolve } from "../../src/frontend/resolve.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { compileTiny, refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

function folderWith(name: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(at(name));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(at(name), file), text);
  return at(name);
}
const manifestOf = (...paths: string[]): string =>
  JSON.stringify({
    compiler: { name: "timmc", version: "0" },
    files: paths.map((path) => ({ path, bytes: 0, sha256: "0".repeat(64) })),
  });

const names = (...texts: string[]): ArtifactNames => ({ model: "model.onnx", texts });

/** An artifact of a manifest and these files. */
const staged = (folder: string, { texts, ...rest }: ArtifactNames, also: () => void = () => {}): Promise<void> =>
  stageArtifact(folder, { texts, ...rest }, async (stage) => {
    for (const name of texts) writeFileSync(join(stage, name), "new");
    writeFileSync(join(stage, "manifest.json"), manifestOf(...texts));
    also();
  });

test("an older artifact goes, and nothing beside it", async () => {
  const folder = folderWith("old", { "manifest.json": manifestOf("a.onnx", "gone"), "a.onnx": "", "notes.txt": "" });
  await staged(folder, names());
  expect(readdirSync(folder)).toEqual(["manifest.json", "notes.txt"]);
});

test("an older artifact stays where a new one does not come about", async () => {
  const files = { "manifest.json": manifestOf("a.onnx"), "a.onnx": "old" };
  const folder = folderWith("stays", files);
  const failed = staged(folder, names("index.js"), () => {
    throw new TimmcError("numeric", "it loses too much");
  });
  expect(await refusal(failed)).toBe("numeric: it loses too much");
  expect(readdirSync(folder).sort()).toEqual(["a.onnx", "manifest.json"]);
  expect(readFileSync(join(folder, "a.onnx"), "utf8")).toBe("old");
});

test("what a killed run was making goes with the next, what a living one makes stays", async () => {
  const folder = folderWith("stages", {});
  const host = ownedName().slice(0, 12);
  const [dead, living] = [`.timmc-stage-${host}-4194304-${"0".repeat(16)}`, `.timmc-stage-${host}-1-${"0".repeat(16)}`];
  for (const name of [dead, living]) mkdirSync(join(folder, name));
  await staged(folder, names());
  expect(readdirSync(folder)).toEqual([living, "manifest.json"]);
});

test("what a run that was killed left is written over, and no other file is", async () => {
  const folder = folderWith("killed", { ".timmc-begun": '["index.js"]', "index.js": "half" });
  expect(await refusal(staged(folder, names("index.js")))).toBe("no refusal");
  expect(readFileSync(join(folder, "index.js"), "utf8")).toBe("new");
  writeFileSync(join(folder, "config.json"), "{}");
  expect(await refusal(staged(folder, names("index.js", "config.json")))).toMatch(/has a config\.json/);
  const other = folderWith("torn", { ".timmc-begun": "{", "index.js": "" });
  expect(await refusal(staged(other, names("index.js")))).toMatch(/has a index\.js/);
});

test.each(["{}", "no JSON", '{"name": "an app"}', manifestOf("../notes.txt")])(
  "the manifest %j is not timmc's: refused, and nothing goes",
  async (text) => {
    const folder = at(`foreign-${text.length}`);
    folderWith(`foreign-${text.length}`, { "manifest.json": text, "certificate.json": "" });
    expect(await refusal(compileTiny(folder))).toMatch(/not timmc's\n {2}choose another folder with -o/);
    expect(readdirSync(folder)).toEqual(["certificate.json", "manifest.json"]);
  },
);

test("a file of another's that is called as the artifact's own is refused, and nothing goes", async () => {
  const folder = folderWith("project", { "package.json": '{ "name": "an app" }', "a.onnx": "" });
  expect(await refusal(compileTiny(folder))).toMatch(
    /has a package\.json that is not an artifact's\n {2}choose another/,
  );
  expect(readdirSync(folder).sort()).toEqual(["a.onnx", "package.json"]);
});

test.skipIf(process.platform === "win32")("nothing goes through a link out of the folder", async () => {
  const outside = folderWith("outside", { precious: "" });
  const folder = folderWith("linked", { "manifest.json": manifestOf("sub/precious") });
  symlinkSync(outside, join(folder, "sub"));
  await staged(folder, names());
  expect(existsSync(join(outside, "precious"))).toBe(true);
});

test("a data file of before does not stay beside a model without weights", async () => {
  const folder = folderWith("stale", { "model.onnx.data": "stale" });
  await compileTiny(folder, { weights: "none" });
  expect(readdirSync(folder).sort()).not.toContain("model.onnx.data");
});

test("a file that is replaced or written to is refused; its hash is heard of Ctrl-C", async () => {
  const folder = folderWith("hash", { a: "abc" });
  const path = join(folder, "a");
  const identity = identityOf(path);
  expect(await hashFile(path, { identity })).toMatch(/^ba7816bf/);
  expect(await refusal(hashFile(path, { signal: AbortSignal.abort() }))).toMatch(/^interrupted: /);
  writeFileSync(path, "abcd");
  expect(await refusal(hashFile(path, { identity }))).toMatch(/^io: .*the file changed while it was in use/);
});

test("several files have the hash of what sha256sum prints of them", async () => {
  const folder = folderWith("hashes", { index: "abc", one: "", two: "abc" });
  const paths = ["index", "one", "two"].map((name) => join(folder, name));
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const lines = `${abc}  index\n${empty}  one\n${abc}  two\n`;
  expect(await hashFiles(paths)).toBe(createHash("sha256").update(lines).digest("hex"));
  expect(await hashFiles(paths.slice(0, 1))).toBe(abc);
  const identities = paths.map(identityOf);
  writeFileSync(paths[2] ?? "", "abd");
  expect(await refusal(hashFiles(paths, { identities }))).toMatch(/^io: .*two: the file changed while it was in use/);
});

describe("weights in a file of their own", () => {
  const emitted = async () => {
    const { lowered } = await lowerRequest({ model: "test_resnet" });
    const { parameters } = await openModelWeights("synthetic", await resolve({ model: "test_resnet" }), lowered);
    return emitOnnx(lowered.graph, parameters, { opset: 17, producerVersion: "0", metadata: [] });
  };

  test("are written before the model", async () => {
    const folder = folderWith("external", {});
    const seen: string[][] = [];
    const options = { hasWeights: true, limit: 0, progress: () => void seen.push(readdirSync(folder)) };
    const files = await writeModel(folder, await emitted(), options);
    expect(files.map((f) => f.path)).toEqual(["model.onnx", "model.onnx.data"]);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.flat()).not.toContain("model.onnx");
  });

  test("go again where the model cannot be written", async () => {
    const folder = folderWith("failed", {});
    mkdirSync(join(folder, "model.onnx"));
    expect(await refusal(writeModel(folder, await emitted(), { hasWeights: true, limit: 0 }))).toMatch(/cannot write/);
    expect(readdirSync(folder)).toEqual(["model.onnx"]);
  });
});
