import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CompileRequest } from "../../src/driver/compile.ts";
import { type BuildRequest, buildModel, describeArtifact } from "../../src/driver/describe-artifact.ts";
import { type Layout, modelFiles } from "../../src/driver/layout/layout.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { pipelineOf } from "../../src/driver/pipeline.ts";
import { writeTexts } from "../../src/driver/text-files.ts";
import { openModelWeights } from "../../src/driver/weights.ts";

/** What `compile` writes of a network above 1.5 GiB, in small: the weights in a file of their own. There is no manifest. */
export async function writeExternal(
  folder: string,
  layout: Layout,
  request: Omit<CompileRequest, "out">,
): Promise<void> {
  const build: BuildRequest = { ...request, layout };
  const place = modelFiles[layout];
  mkdirSync(join(folder, dirname(place.model)), { recursive: true });
  const lowering = await lowerRequest(request);
  const weights = await openModelWeights("pretrained", lowering.resolved, lowering.lowered, {});
  const built = buildModel(build, lowering, weights, pipelineOf("O2", null, { opset: 17, onnxOps: "standard" }));
  const files = await built.emission.write(folder, { hasWeights: true, limit: 0 });
  const hashes = { weights: null, config: null };
  writeTexts(folder, describeArtifact(build, lowering, weights, { ...built, files, hashes, numberNotices: [] }));
  weights.close();
}
