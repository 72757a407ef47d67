import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { beforeAll, expect, it } from "vitest";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { difference, runClient } from "../driver/client/client-module.ts";
import { writeExternal } from "../driver/external-data.ts";
import { compileTiny, shapesModel, temporaryFolder } from "../driver/workspace.ts";
import { describeInBrowser, openSite } from "./browser.ts";
import { serve } from "./serve.ts";

const root = join(import.meta.dirname, "../..");

/** What the page does: it is the program of a user, with the artifact's own index.js. */
const program = `async (folder, values) => {
  const ort = await import("/ort/ort.wasm.bundle.min.mjs");
  const { load, labels } = await import("/" + folder + "/index.js");
  const model = await load({ ort, options: { executionProviders: ["wasm"] } });
  const outputs = await model.run({ dims: [1, 3, 96, 96], data: Float32Array.from(values) });
  const wrong = await model.run({ dims: [1, 3, 96, 95], data: new Float32Array(1) }).catch((error) => error.message);
  await model.release();
  const plain = Object.entries(outputs).map(([tap, { dims, data }]) => [tap, { dims, data: [...data] }]);
  return { outputs: Object.fromEntries(plain), labels, wrong };
}`;

interface Answer {
  readonly outputs: Readonly<Record<string, { readonly dims: readonly number[]; readonly data: readonly number[] }>>;
  readonly labels: readonly string[];
  readonly wrong: string;
}

describeInBrowser("the typed client in a browser, with onnxruntime-web", () => {
  const at = temporaryFolder();
  let origin = "";

  beforeAll(async () => {
    const model = `local-dir:${shapesModel}`;
    const taps = ["logits", "features.1", "module:layer3"];
    await compileTiny(at("artifact"), { model, weights: "pretrained", inputSize: undefined, taps });
    await writeExternal(at("external"), "plain", { model, taps });
    origin = await serve({
      artifact: at("artifact"),
      external: at("external"),
      ort: join(root, "node_modules/onnxruntime-web/dist"),
    });
  });

  it.each(["artifact", "external"])(
    "computes what onnxruntime-node does, from the same index.js: %s",
    async (folder) => {
      const shape = [1, 3, 96, 96];
      const values = syntheticInput(shape);
      const expected = await runClient(at(folder), ort, { dims: shape, data: Float32Array.from(values) });
      const { page, faults } = await openSite(origin);
      const { outputs, labels, wrong } = await page.evaluate<Answer>(
        `(${program})("${folder}", ${JSON.stringify([...values])})`,
      );
      expect(Object.keys(outputs)).toEqual(["logits", "features.1", "module:layer3"]);
      for (const tap of Object.keys(expected)) expect(difference(outputs[tap], expected[tap]), tap).toBeLessThan(1e-5);
      expect(labels).toHaveLength(10);
      expect(wrong).toContain("the input is Float32Array[1,3,96,95]");
      expect(faults).toEqual([]);
    },
  );
});
