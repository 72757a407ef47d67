// Choose feature stages for a detector's backbone: node examples/feature-stages.js [OUT]
import path from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { compile, inspect } from "timmc";

const model = "mobilenetv3_small_100";
const out = process.argv[2] ?? "artifacts/feature-stages";

// What there is to choose from, without any weights.
const { features } = await inspect({ model });
for (const { index, module, channels, reduction, macs } of features)
  console.log(`features.${index}: ${module}, ${channels} channels, 1/${reduction}, ${(macs / 1e6).toFixed(0)} MMACs`);

// The last stage of each of the scales 1/8, 1/16 and 1/32, and a module that is no stage.
const scales = [8, 16, 32].flatMap((scale) => features.findLast(({ reduction }) => reduction === scale) ?? []);
const taps = [...scales.map(({ index }) => `features.${index}`), "module:blocks.1"];

// timm's features_only would be { args: { features_only: true, out_indices: [2, 3, 4] } }.
await compile({ model, out, taps, weights: "synthetic", inputSize: [3, 160, 224] });

// What is not on the way to a tap is not in the file. The batch is dynamic.
const session = await InferenceSession.create(path.join(out, "model.onnx"));
const images = new Tensor("float32", new Float32Array(2 * 3 * 160 * 224), [2, 3, 160, 224]);
const results = await session.run({ input: images });
for (const name of session.outputNames) console.log(`${name}: ${results[name]?.dims.join(" x ")}`);
await session.release();
