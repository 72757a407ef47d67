import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ModelInfo } from "../../src/driver/info.ts";
import type { Manifest } from "../../src/driver/manifest.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { shapesModel, temporaryFolder } from "../driver/workspace.ts";
import { cli, cliJson } from "./run-cli.ts";

const at = temporaryFolder();
const tiny = ["compile", "test_resnet", "--weights", "synthetic", "--input-size", "3,64,64"];
const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;

const noted = "note: the weights are synthetic: outputs mean nothing\n";

describe("compile", () => {
  it("--json prints the manifest, and nothing else", async () => {
    const { status, out, err } = await cli([...tiny, "-o", at("json"), "--json"]);
    expect({ status, err }).toEqual({ status: 0, err: noted });
    expect(JSON.parse(out)).toEqual(manifestIn(at("json")));
  });

  it("hands every option on", async () => {
    const options = ["--taps", "pre_logits", "--taps", "features.1, module:layer2", "--batch", "2", "--opset", "20"];
    const more = ["-O1", "--arg", "output_stride=16", "--arg", "act_layer=silu", "--cfg", "crop_pct=0.5"];
    await cliJson(...tiny, "-o", at("options"), ...options, ...more);
    const { request, target, outputs, input } = manifestIn(at("options"));
    expect(request).toMatchObject({
      args: { output_stride: 16, act_layer: "silu" },
      cfg: { crop_pct: 0.5 },
      input_size: [3, 64, 64],
      batch: 2,
      optimization: "O1",
    });
    expect(target).toMatchObject({ name: "onnx", opset: 20 });
    expect(outputs.map((o) => o.name)).toEqual(["pre_logits", "features.1", "module:layer2"]);
    expect(input).toMatchObject({ shape: [2, 3, 64, 64], crop_pct: 0.5 });
  });

  it("writes the preprocessing that info announces, with the test size too", async () => {
    const named = ["resnet50.a1_in1k", "--use-test-size"];
    const { preprocessing } = (await cliJson("info", ...named)) as ModelInfo;
    await cliJson("compile", ...named, "--weights", "none", "-o", at("test-size"));
    const { input, request } = manifestIn(at("test-size"));
    const { mean, std, interpolation, crop_pct, crop_mode } = input;
    expect({ input_size: request.input_size, mean, std, interpolation, crop_pct, crop_mode }).toEqual(preprocessing);
    expect(crop_pct).toBe(1);
  });

  it("counts MACs per image, whatever the batch", async () => {
    await cliJson(...tiny, "-o", at("one"));
    await cliJson(...tiny, "-o", at("three"), "--batch", "3");
    expect(manifestIn(at("three")).macs).toBe(manifestIn(at("one")).macs);
  });

  it("emits the outputs that inspect announces", async () => {
    const options = ["--input-size", "3,64,64", "--taps", "features,logits"];
    const { outputs } = (await cliJson("inspect", "test_resnet", ...options)) as { outputs: unknown };
    await cliJson(...tiny, "-o", at("announced"), "--taps", "features,logits");
    expect(manifestIn(at("announced")).outputs).toEqual(outputs);
  });

  it("prints a summary for people, and what the passes did on stderr", async () => {
    const { out, err } = await cli([
      ...tiny,
      "-o",
      at("summary"),
      "--passes",
      "fold-batch-norm,dead-code,fold-batch-norm",
    ]);
    expect(out.replace(at("summary"), "FOLDER")).toMatchInlineSnapshot(`
      "test_resnet.r160_in1k
      parameters  470 k, of the whole network
      MACs        16.5 M (16.7 M before the passes), per image up to the outputs below
      opset       17

      output  type         module  format
      logits  f32[N,1000]  -       -

      file              size
      model.onnx    1.79 MiB
      index.js      2.41 KiB
      index.d.ts    2.50 KiB
      package.json      18 B

      artifact: FOLDER
      "
    `);
    expect(err.replaceAll(/ *[\d.]+ ms/g, " # ms")).toMatchInlineSnapshot(`
      "note: the weights are synthetic: outputs mean nothing
                    before     after
      operations        52        37  of the graph, per run
      ONNX nodes         -        37  in the model file; what was before is not written
      MACs          16.7 M    16.5 M  multiply-accumulates per image
      weights     1.80 MiB  1.79 MiB  that the outputs need

         pass             changes  operations    MACs    time
      1  fold-batch-norm       15          37  16.5 M # ms
      2  dead-code             15        same    same # ms
      Passes ran in this order. changes: what a pass rewrote; operations and MACs: what it left to run;
      same: only weights and unused values changed.
      nothing to do: fold-batch-norm (3)
      passes took # ms

      "
    `);
    const none = await cli([...tiny, "-o", at("summary"), "--passes", "none"]);
    expect(none.err).toContain("\nno passes\n");
  });

  it("--print-ir-after prints the graph on stderr, and --json keeps stdout to itself", async () => {
    const passes = ["--passes", "dead-code,fold-batch-norm"];
    const several = ["--print-ir-after", "dead-code", "--print-ir-after", "fold-batch-norm"];
    const { status, out, err } = await cli([...tiny, "-o", at("ir"), ...passes, ...several, "--json"]);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual(manifestIn(at("ir")));
    const [, ...texts] = err.replace(noted, "").split(/^\/\/ after .*\n/m);
    expect(texts.map((text) => printGraph(parseGraph(text)))).toEqual(texts);
    expect(texts.map((text) => text.includes("batch_norm("))).toEqual([true, false]);
    const all = await cli([...tiny, "-o", at("ir"), ...passes, "--print-ir-after", "all", "--json"]);
    expect(all.err).toBe(err);
  });

  it("says which options have no effect beside --passes", async () => {
    const both = await cli([...tiny, "-o", at("ir"), "--passes", "none", "-O1", "--print-ir-after", "all"]);
    expect(both.status).toBe(0);
    expect(both.err).toMatch(/^note: -O1 has no effect: .*\nnote: --print-ir-after prints nothing: no passes run\n/);
    expect((await cli([...tiny, "-o", at("ir"), "--passes", "none"])).err).not.toContain("has no effect");
  });

  it("takes one number for all channels, and the configuration's three for gray", async () => {
    const gray = ["--arg", "in_chans=1", "--cfg", "mean=[0.1,0.2,0.3]", "--cfg", "std=[1]", "--input-size", "1,64,64"];
    expect((await cli([...tiny.slice(0, 4), ...gray, "-o", at("gray")])).status).toBe(0);
  });

  it("records how the pipeline was asked for", async () => {
    const options = ["--passes", "dead-code", "--passes", "fold-batch-norm", "--onnx-ops", "ort"];
    await cliJson(...tiny, "-o", at("asked"), ...options);
    const { request, passes } = manifestIn(at("asked"));
    expect(request).toMatchObject({ passes: ["dead-code", "fold-batch-norm"], onnx_ops: "ort" });
    expect(passes.map((p) => p.pass)).toEqual(["dead-code", "fold-batch-norm"]);
    await cliJson(...tiny, "-o", at("asked"), "--passes", "none");
    expect(manifestIn(at("asked")).request).toMatchObject({ passes: [], onnx_ops: "standard" });
  });

  it("shows its phases on a terminal", async () => {
    const { err } = await cli([...tiny, "-o", at("phases")], { isTerminal: true });
    expect(err).toContain("lowering test_resnet");
    expect(err).toContain("writing model.onnx: 100 %");
    expect(err).toContain(`\r\u001B[K${noted}              before`);
  });

  it("--verify certifies what it wrote", async () => {
    const model = `local-dir:${shapesModel}`;
    const { status, out } = await cli(["compile", model, "-o", at("verified"), "--verify"]);
    expect(status).toBe(0);
    expect(out).toMatch(/^passed: 1 outputs? in /m);
    expect(existsSync(at("verified/certificate.json"))).toBe(true);
    const weights = join(shapesModel, "model.safetensors");
    const json = await cliJson("compile", model, "-o", at("file"), "--weights", weights, "--verify");
    expect(json).toEqual(manifestIn(at("file")));
    expect(existsSync(at("file/certificate.json"))).toBe(true);
  });

  it("--verify of a structure without weights is a contradiction, and writes nothing", async () => {
    const ended = await cli([...tiny, "--weights", "none", "-o", at("none"), "--verify", "--json"]);
    expect(ended).toMatchObject({ status: 2, out: "" });
    expect(ended.err).toContain("without weights");
    expect(existsSync(at("none"))).toBe(false);
  });

  it("an interrupted run says so in one line and leaves no temporary file", async () => {
    const controller = new AbortController();
    controller.abort();
    const ended = await cli([...tiny, "-o", at("stopped")], { signal: controller.signal });
    expect(ended).toEqual({ status: 130, out: "", err: "timmc: interrupted\n" });
    expect(existsSync(at("stopped")) ? readdirSync(at("stopped")) : []).toEqual([]);
  });
});
