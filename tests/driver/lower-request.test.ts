import { expect, it } from "vitest";
import { type LowerRequest, lowerRequest, withDynamicBatch } from "../../src/driver/lower-request.ts";
import { printGraph } from "../../src/ir/printer.ts";

const requests: readonly LowerRequest[] = [
  { model: "test_resnet", inputSize: [3, 64, 64], preprocess: true },
  {
    model: "test_vit",
    taps: ["features", "logits"],
    tapFormat: "nchw",
    tapNorm: true,
    softmax: true,
    preprocess: true,
  },
  { model: "test_convnext", args: { out_indices: [2, 0] }, cfg: { mean: [0.5] }, taps: ["features"], preprocess: true },
];

it.each(requests)("has the graph of the same request without its batch: %o", async (request) => {
  const perImage = withDynamicBatch(await lowerRequest({ ...request, batch: 3 }));
  const dynamic = await lowerRequest({ ...request, batch: "dynamic" });
  expect(printGraph(perImage.lowered.graph)).toBe(printGraph(dynamic.lowered.graph));
  expect(perImage.tapNames).toEqual(dynamic.tapNames);
  expect(withDynamicBatch(dynamic)).toBe(dynamic);
});
