import { closeSync, cpSync, fstatSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { runImages } from "../../src/driver/run.ts";
import { verify } from "../../src/driver/verify.ts";
import { openWeights } from "../../src/frontend/weights/open.ts";
import { refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const bundle = "examples/models/test_resnet.shapes";
const weights = { file: `${bundle}/model.safetensors` };

test("a weight file's own classifier tells its classes, not the configuration of other weights", async () => {
  const { num_classes } = await compile({ model: "test_resnet", args: { num_classes: 10 }, weights, out: at("ten") });
  expect(num_classes).toBe(10);
  expect(await refusal(compile({ model: "test_resnet", weights, out: at("thousand") }))).toMatch(
    /the tap logits needs fc\.weight: the checkpoint's classifier has 10 classes, the model 1000/,
  );
});

test("pooled features are no classes", async () => {
  await compile({ model: `local-dir:${bundle}`, args: { num_classes: 0 }, out: at("pooled") });
  const [report] = await runImages(at("pooled"), ["examples/models/pictures/star-1.png"]);
  expect(report?.top).toBeNull();
});

test("the hash of weights in several files is that of all of them", async () => {
  const folder = at("sharded");
  cpSync(bundle, folder, { recursive: true });
  renameSync(join(folder, "model.safetensors"), join(folder, "model-1.safetensors"));
  const source = openWeights(join(folder, "model-1.safetensors"));
  const map = Object.fromEntries([...source.keys()].map((key) => [key, "model-1.safetensors"]));
  source.close();
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
  const model = `local-dir:${folder}`;
  const { sha256: before } = (await compile({ model, out: at("of-shards") })).source.weights;
  const shard = openSync(join(folder, "model-1.safetensors"), "r+");
  writeSync(shard, Uint8Array.of(1), 0, 1, fstatSync(shard).size - 1);
  closeSync(shard);
  const { sha256: after } = (await compile({ model, out: at("of-other-shards") })).source.weights;
  expect(after).not.toBe(before);
  expect(await refusal(verify(at("of-shards"), { model }))).toMatch(
    /model\.safetensors\.index\.json: this is not the file that the artifact was compiled from/,
  );
});
