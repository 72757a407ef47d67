import { expect, test } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { runImages } from "../../src/driver/run.ts";
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
