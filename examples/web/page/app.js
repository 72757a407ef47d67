// Runs a network on pictures, in the browser. The artifact's client says what it takes and gives; serve.js made it.
import { pictureTensor } from "timmc/preprocess";
import * as runtime from "timmc/runtime/webgpu";
import { showKernels, showLabels, showTimes } from "./answer.js";
import { listen, pixelsOf } from "./picture.js";
import { mountSamples } from "./samples.js";
import { mountStages } from "./stages.js";
import { byId, showProblem, showStatus } from "./view.js";

const { input, outputs, labels, load } = await import(new URL("/model/index.js", location.href).href);
const showStages = mountStages(outputs);
/** @type {Pick<runtime.Model, "run" | "profile"> | undefined} */
let model;
let asked = 0;

/** @param {{ readonly code?: runtime.FailureCode, readonly message: string }} error */
function fail({ code, message }) {
  showStatus("");
  if (code === "device-lost") showProblem(`The graphics device was lost: ${message}.`, begin);
  else if (code !== "no-webgpu") showProblem(message);
  else showProblem(`This page needs WebGPU, as Chrome, Edge, Safari 26 and Firefox 141 have it: ${message}.`);
}

async function begin() {
  showProblem("");
  const onProgress = (/** @type {number} */ done, /** @type {number} */ all) =>
    showStatus(`Loading the network: ${(done / 2 ** 20).toFixed(1)} of ${(all / 2 ** 20).toFixed(1)} MiB`, done / all);
  model = await load({ runtime, onProgress }).catch(fail);
  if (model === undefined) return;
  showStatus("Ready: give it a picture.");
  byId("main", HTMLElement).hidden = false;
}

/** @param {Blob} blob */
async function classify(blob) {
  if (model === undefined) return; // the page says why
  const turn = ++asked;
  showProblem("");
  const times = [performance.now()];
  const pixels = await pixelsOf(blob);
  times.push(performance.now());
  const picture = pictureTensor(pixels, input);
  times.push(performance.now());
  const results = await model.run(picture);
  times.push(performance.now());
  if (turn !== asked) return; // another picture came meanwhile
  const best = showLabels(results.logits?.data ?? [], labels);
  showTimes(["Decode", "Resize and crop", "Run"].map((name, i) => [name, (times[i + 1] ?? 0) - (times[i] ?? 0)]));
  showStages(picture, results);
  showStatus(`${best}: a picture of ${pixels.width} x ${pixels.height} pixels`);
  showKernels(await model.profile(picture));
}

const take = (/** @type {Blob} */ blob) => void classify(blob).catch(fail);
await begin();
listen(byId("file", HTMLInputElement), take);
await mountSamples(take);
