import { expect, it } from "vitest";
import { type LowerRequest, lowerRequest, perImageOf } from "../../src/driver/lower-request.ts";
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
  const perImage = perImageOf(await lowerRequest({ ...request, batch: 3 }));
  const dynamic = await lowerRequest({ ...request, batch: "dynamic" });
  expect(printGraph(perImage.lowered.graph)).toBe(printGraph(dynamic.lowered.graph));
  expect(perImage.tapNames).toEqual(dynamic.tapNames);
  expect(perImageOf(dynamic)).toBe(dynamic);
});

const softmax = "softmax has no effect: logits are not among the taps";
const norm = "tap-norm has no effect: the final norm is none of the features that are asked for";
const format = "tap-format has no effect: features are not among the taps";

it.each<[taps: readonly string[], notices: readonly string[]]>([
  [["logits"], [format, norm]],
  [["features.1"], [softmax]],
  [["features"], [softmax]],
  [["features.11.prefix"], [format, softmax]],
  [
    ["pre_logits", "forward_features"],
    [format, softmax, norm],
  ],
  [["logits", "features"], []],
])("says what touches none of the taps: %j", async (taps, notices) => {
  const forms = { tapFormat: "nlc", tapNorm: true, softmax: true } as const;
  expect((await lowerRequest({ model: "vit_tiny_patch16_224", taps, ...forms })).notices).toEqual(notices);
  expect((await lowerRequest({ model: "vit_tiny_patch16_224", taps })).notices).toEqual([]);
});
