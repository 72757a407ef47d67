// A matrix of variants, built twice: node examples/build-variants.js [FOLDER]
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, defineConfig } from "timmc";

const folder = process.argv[2] ?? "artifacts/variants";

// A list is an axis, one value holds for every variant. In a project this is timmc.config.ts, for `timmc build`.
const config = defineConfig({
  models: ["local-dir:models/test_resnet.shapes"],
  inputSizes: [64, 96],
  targets: ["onnx", "webgpu"],
  taps: [["logits"], ["logits", "features"]],
  exclude: [{ target: "webgpu", inputSize: 96 }],
  include: [{ model: "test_vit", weights: "none" }],
});

const options = {
  folder: fileURLToPath(new URL(".", import.meta.url)), // what relative paths start from
  out: folder,
  cache: join(folder, "cache"),
  jobs: 2,
};

for (const round of ["first", "second"]) {
  const { variants, counts } = await build(config, options);
  console.log(`${round}: ${counts.built} built, ${counts.kept} kept, ${counts.failed} failed`);
  for (const { name, artifact, failure } of variants)
    console.log(`  ${name}: ${artifact === null ? failure?.message : `${artifact.bytes} bytes`}`);
}
