// Use an artifact in a program that has onnxruntime-node and no timmc: node examples/typed-client.js [OUT]
import path from "node:path";
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { compile } from "timmc";

const models = path.join(import.meta.dirname, "models");
const out = path.resolve(process.argv[2] ?? "artifacts/typed-client");
await compile({ model: `local-dir:${path.join(models, "test_resnet.shapes")}`, out, taps: ["logits", "features.2"] });

// A program writes `import { input, labels, load } from "./out/index.js"`: names and shapes are then checked by TypeScript.
const { input, labels, load } = await import(pathToFileURL(path.join(out, "index.js")).href);
const model = await load({ ort });

// A picture of the network's own size needs no resize: pixels, normalised by channel, as planes.
const [, channels, height, width] = input.shape;
const pixels = await sharp(path.join(models, "pictures/star-1.png")).removeAlpha().raw().toBuffer();
const data = new Float32Array(channels * height * width);
for (let i = 0; i < data.length; i++) {
  const c = i % channels;
  data[c * height * width + Math.floor(i / channels)] = ((pixels[i] ?? 0) / 255 - input.mean[c]) / input.std[c];
}

const outputs = await model.run({ dims: [1, channels, height, width], data });
for (const [tap, { dims }] of Object.entries(outputs)) console.log(`${tap}: ${dims.join(" x ")}`);
const scores = outputs.logits.data;
console.log(labels[scores.indexOf(Math.max(...scores))]);

// What the types would refuse is refused at run time too.
await model.run({ dims: [1, 3, 64, 64], data }).catch((/** @type {Error} */ error) => console.log(error.message));
await model.release();
