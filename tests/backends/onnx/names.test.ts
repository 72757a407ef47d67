import { expect, it } from "vitest";
import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import { lowerRequest } from "../../../src/driver/lower-request.ts";
import { pipelineOf } from "../../../src/driver/pipeline.ts";
import { runPipeline } from "../../../src/passes/pass.ts";

async function emitted(model: string, level: "O0" | "O2", names?: Readonly<Record<string, string>>) {
  const { lowered } = await lowerRequest({ model, taps: ["logits", "features", "pre_logits"] });
  runPipeline(lowered.graph, pipelineOf(level, null, { opset: 17, onnxOps: "standard" }));
  const options = { opset: 17, producerVersion: "", metadata: [], ...(names !== undefined && { names }) };
  const { model: onnx, initializers } = emitOnnx(lowered.graph, { bytes: () => new Uint8Array() }, options);
  return { onnx, initializers, modules: lowered.modules, input: lowered.input };
}

/** What viewers show; `_` is the network itself. */
const nodeName = /^([^~/]+)(?:~\d+)?\/([A-Za-z]+)(?:_\d+)?$/;

const models = ["test_resnet", "test_vit", "convnext_atto", "swin_tiny_patch4_window7_224", "test_efficientnet"];
const levels = ["O0", "O2"] as const;

it.each(models.flatMap((model) => levels.map((level) => [model, level] as const)))(
  "%s at -%s: nodes are called after their modules",
  async (model, level) => {
    const { onnx, modules } = await emitted(model, level);
    const outputs = new Set(onnx.outputs.map(({ name }) => name));
    const stray = onnx.nodes.filter(({ name, opType }) => {
      if (name.startsWith("dim/")) return false;
      if (opType === "Identity" && outputs.has(name.replace("/Identity", ""))) return false;
      const [, path = "", op] = nodeName.exec(name) ?? [];
      return op !== opType || !(modules.has(path) || path === "_");
    });
    expect(stray.map(({ name, opType }) => `${name} (${opType})`)).toEqual([]);
    expect(new Set(onnx.nodes.map(({ name }) => name)).size).toBe(onnx.nodes.length);
  },
);

it("numbers have no gaps: what one module runs is PATH, PATH~1, PATH~2", async () => {
  const { onnx } = await emitted("test_resnet", "O2");
  expect(onnx.nodes.map(({ name }) => name)).toContain("layer1.0.conv1/Conv");
  expect(onnx.nodes.filter(({ opType }) => opType === "Conv").map(({ name }) => name)).not.toContainEqual(
    expect.stringContaining("~"),
  );
});

it("the input and outputs take other names where they are given, and no tensor loses its own to them", async () => {
  const names = { input: "layer1.0.conv1", logits: "act1", pre_logits: "pooled" };
  const { onnx, initializers } = await emitted("test_resnet", "O2", names);
  expect(onnx.inputs.map(({ name }) => name)).toEqual(["layer1.0.conv1"]);
  expect(onnx.outputs.map(({ name }) => name)).toEqual([
    "act1",
    ...[0, 1, 2, 3, 4].map((n) => `features.${n}`),
    "pooled",
  ]);
  const made = [...onnx.inputs, ...initializers.map(({ header }) => header)].map(({ name }) => name);
  const tensors = [...made, ...onnx.nodes.flatMap(({ outputs }) => outputs)];
  expect(new Set(tensors).size).toBe(tensors.length);
  const known = new Set(tensors);
  expect(onnx.nodes.flatMap(({ inputs }) => inputs).filter((name) => name !== "" && !known.has(name))).toEqual([]);
});
