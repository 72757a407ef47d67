import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { loadArtifact } from "../../src/driver/artifact.ts";
import { certificateSchema } from "../../src/driver/certificate-schema.ts";
import { verify } from "../../src/driver/verify.ts";
import type { Graph } from "../../src/ir/graph.ts";
import type { CompileRequest } from "../../src/driver/compile.ts";
import { pipelineOf } from "../../src/driver/pipeline.ts";
import { deadCode } from "../../src/passes/whole-graph/dead-code.ts";
import type { Pass, Pipeline } from "../../src/passes/pass.ts";
import { passOf, rewriting } from "../../src/passes/rewriting.ts";
import type { Rule } from "../../src/passes/rule.ts";
import { foldBatchNorm } from "../../src/passes/rules/fold-batch-norm.ts";
import { dropConvBias, dropLinearBias } from "./broken-rules.ts";
import { compileTiny, refusal, shapesModel, temporaryFolder } from "./workspace.ts";

/** What the tests break in the compiler: graphs on their way to ONNX, behind the legalisation or by a rule of it. */
const sabotage = vi.hoisted(() => ({
  emission: undefined as ((graph: Graph) => void) | undefined,
  rule: undefined as Rule | undefined,
}));

vi.mock("../../src/backends/onnx/legalize.ts", async (original) => {
  const { legalization } = await original<typeof import("../../src/backends/onnx/legalize.ts")>();
  return {
    legalization: (...args: Parameters<typeof legalization>): Pass => {
      const { name, rules = [] } = legalization(...args);
      const pass = rewriting(name, sabotage.rule === undefined ? rules : [...rules, sabotage.rule]);
      return {
        ...pass,
        run: (graph) => {
          const counts = pass.run(graph);
          sabotage.emission?.(graph);
          return counts;
        },
      };
    },
  };
});

const at = temporaryFolder();
const localModel = `local-dir:${shapesModel}`;

beforeAll(() => mkdirSync(at("tmp")));
beforeEach(() => vi.stubEnv("TMPDIR", at("tmp")));
afterEach(() => {
  sabotage.emission = undefined;
  sabotage.rule = undefined;
  vi.unstubAllEnvs();
  expect(readdirSync(at("tmp")), "temporary folders").toEqual([]);
});

/** A last pass that changes nothing that runs. */
const cleanUp: Pass = { name: "clean-up", run: (graph) => deadCode.run(graph) };

/** Lets the last rectifier through: a fault that later layers do not hide. */
function dropRelu(graph: Graph): void {
  for (const value of graph.reversed()) {
    const [x] = value.operands;
    if (value.op !== "activation" || x === undefined) continue;
    graph.replaceUses(value, x);
    graph.erase(value);
    return;
  }
}

describe("a sound artifact", () => {
  test("gets a certificate over every output and input", async () => {
    const folder = at("sound");
    await compileTiny(folder, { taps: ["logits", "features", "module:layer1.0"] });
    const steps: string[] = [];
    const certificate = await verify(folder, { progress: (text) => steps.push(text) });
    expect(certificate).toMatchObject({ passed: true, failure: null });
    expect(certificate.inputs.map((i) => [i.name, i.shape[0], i.reference])).toEqual([
      ["recipe", 1, "unoptimised"],
      ["recipe of three", 3, "unoptimised"],
      ["zeros", 1, "unoptimised"],
      ["constant", 1, "unoptimised"],
      ["noise", 1, "unoptimised"],
      ["recipe", 1, "float64"],
    ]);
    const { manifest, certificate: found } = await loadArtifact(folder);
    expect(certificate.outputs.map((o) => o.name)).toEqual(manifest.outputs.map((o) => o.name));
    for (const output of certificate.outputs) {
      expect(output.budget_used).toBeGreaterThan(0);
      expect(output.error_of_std).toBeLessThan(2e-5);
    }
    expect(found).toEqual(certificate);
    expect(steps).toHaveLength(4);
  });

  test("of a fixed batch is run at that batch", async () => {
    await compileTiny(at("fixed"), { batch: 2 });
    const certificate = await verify(at("fixed"));
    expect(certificate.passed).toBe(true);
    expect(certificate.inputs.every((i) => i.shape[0] === 2)).toBe(true);
  });

  test("without optimisation is compared with the interpreter all the same", async () => {
    await compileTiny(at("plain"), { optimization: "O0" });
    const { passed, inputs } = await verify(at("plain"));
    expect([passed, inputs.at(-1)?.reference]).toEqual([true, "float64"]);
  });
});

describe("the source", () => {
  beforeAll(async () => {
    await compileTiny(at("local"), { model: localModel, weights: "pretrained", inputSize: undefined });
    const file = join(shapesModel, "model.safetensors");
    await compileTiny(at("file"), { model: localModel, weights: { file }, inputSize: undefined });
  });

  /** A copy of the trained model, changed. */
  function changed(name: string, change: (folder: string) => void): string {
    cpSync(shapesModel, at(name), { recursive: true });
    change(at(name));
    return `local-dir:${at(name)}`;
  }

  test("in a local folder must be named, and be the same", async () => {
    expect(await refusal(verify(at("local")))).toMatch(/^usage: .*local: .*compiled from a local folder.*\n.*--model/);
    expect(await verify(at("local"), { model: localModel })).toMatchObject({ passed: true });
    const config = changed("config", (f) => {
      const path = join(f, "config.json");
      writeFileSync(path, `${readFileSync(path, "utf8")} `);
    });
    expect(await refusal(verify(at("local"), { model: config }))).toMatch(
      /^config: .*config\.json: this is not the file/,
    );
    const weights = changed("weights", (f) => {
      const path = join(f, "model.safetensors");
      const bytes = readFileSync(path);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      writeFileSync(path, bytes);
    });
    expect(await refusal(verify(at("local"), { model: weights }))).toMatch(
      /^weights: .*model\.safetensors: this is not/,
    );
    expect(await refusal(verify(at("local"), { model: "test_resnet" }))).toMatch(/^config: .*compiled from/);
  });

  test("in a weight file must be named too", async () => {
    expect(await refusal(verify(at("file"), { model: localModel }))).toMatch(/^usage: .*--weights FILE/s);
    const weights = join(shapesModel, "model.safetensors");
    expect(await verify(at("file"), { model: localModel, weights })).toMatchObject({ passed: true });
  });

  test("that the manifest names cannot be another", async () => {
    await compileTiny(at("named"));
    expect(await refusal(verify(at("named"), { model: "resnet18" }))).toMatch(
      /compiled from test_resnet, not from resnet18/,
    );
    expect(await refusal(verify(at("named"), { weights: "x.safetensors" }))).toMatch(
      /from synthetic weights, not from a file/,
    );
  });

  test("without weights gives nothing to run", async () => {
    await compileTiny(at("none"), { weights: "none" });
    expect(await refusal(verify(at("none")))).toMatch(/^weights: .*none: the artifact has no weights/);
  });

  test("with a NaN passes nothing", async () => {
    const model = changed("nan", (f) => {
      const path = join(f, "model.safetensors");
      const bytes = readFileSync(path);
      const header = Number(bytes.readBigUInt64LE());
      const entries = JSON.parse(bytes.toString("utf8", 8, 8 + header)) as Record<string, { data_offsets: [number] }>;
      bytes.writeFloatLE(NaN, 8 + header + (entries["fc.bias"]?.data_offsets[0] ?? NaN));
      writeFileSync(path, bytes);
    });
    await compileTiny(at("nan-artifact"), { model, weights: "pretrained", inputSize: undefined });
    const certificate = await verify(at("nan-artifact"), { model });
    expect(certificate).toMatchObject({ passed: false, failure: { stage: "reference" } });
    expect(certificate.outputs[0]).toMatchObject({ passed: false, max_abs_error: null, budget_used: null });
  });
});

describe("a fault", () => {
  /** Compiles with a pipeline, and verifies with the same. */
  async function certificateOf(folder: string, pipeline: Pipeline, request: Partial<CompileRequest> = {}) {
    await compileTiny(folder, request, pipeline);
    return verify(folder, {}, pipeline);
  }

  test("in a pass is found by the pass's name, and takes the certificate away", async () => {
    const folder = at("bad-pass");
    await compileTiny(folder);
    await verify(folder);
    expect(existsSync(join(folder, "certificate.json"))).toBe(true);
    const saboteur: Pass = { name: "saboteur", run: (graph) => (dropRelu(graph), { saboteur: 1 }) };
    const certificate = await certificateOf(folder, [...pipelineOf("O2"), saboteur]);
    expect(certificate).toMatchObject({
      passed: false,
      failure: { stage: "pass", pass: "saboteur", rule: null, module: null },
    });
    expect(certificate.outputs[0]?.budget_used).toBeGreaterThan(100);
    expect(existsSync(join(folder, "certificate.json"))).toBe(false);
  });

  test("in one of a pass's rules is found by the rule's name and the module", async () => {
    const planted = rewriting("planted", [foldBatchNorm, dropLinearBias]);
    const { passed, failure } = await certificateOf(at("bad-rule"), [deadCode, planted, cleanUp]);
    expect(passed).toBe(false);
    expect(failure).toMatchObject({ stage: "pass", pass: "planted", rule: "drop-linear-bias", module: "fc" });
    expect(failure?.message).toMatch(/^the pass planted .*: rule drop-linear-bias at fc, application \d+ of 16$/);
  });

  test("at one of many places where a rule applies is found there", async () => {
    const planted = dropConvBias("layer2.0.conv2");
    const { failure } = await certificateOf(at("bad-place"), [...pipelineOf("O1"), passOf(planted), cleanUp]);
    expect(failure).toMatchObject({
      stage: "pass",
      pass: "drop-conv-bias",
      rule: "drop-conv-bias",
      module: "layer2.0.conv2",
    });
  });

  test("in a pass under ONNX Runtime's operators is no fault of the emission", async () => {
    const planted = [...pipelineOf("O1"), passOf(dropLinearBias)];
    const { failure } = await certificateOf(at("bad-ort"), planted, { onnxOps: "ort" });
    expect(failure).toMatchObject({ stage: "pass", pass: "drop-linear-bias", module: "fc" });
  });

  test("in the emission is found although both sides have it", async () => {
    sabotage.emission = dropRelu;
    await compileTiny(at("bad-emission"));
    const certificate = await verify(at("bad-emission"));
    expect(certificate).toMatchObject({ passed: false, failure: { stage: "emission", pass: null, rule: null } });
  });

  test("in a rule of the legalisation is found by its name and the module", async () => {
    sabotage.rule = dropLinearBias;
    await compileTiny(at("bad-legalisation"));
    const { failure } = await verify(at("bad-legalisation"));
    expect(failure).toMatchObject({ stage: "emission", pass: null, rule: "drop-linear-bias", module: "fc" });
  });

  test("in the emission of what a pass made is no fault of the pass", async () => {
    sabotage.emission = (graph) => {
      if (![...graph.values()].some((v) => v.op === "batch_norm")) dropRelu(graph);
    };
    await compileTiny(at("bad-form"));
    const { failure } = await verify(at("bad-form"));
    expect(failure).toMatchObject({ stage: "emission", pass: "fold-batch-norm" });
  });

  test("of the file alone is a fault of the artifact", async () => {
    const folder = at("altered");
    await compileTiny(folder);
    const [model, manifest] = [join(folder, "model.onnx"), join(folder, "manifest.json")];
    const bytes = readFileSync(model);
    // 0x41414141 is 12.08, wherever a float begins; the bytes follow the last mention of the name.
    const at64 = bytes.lastIndexOf("fc.weight") + 64;
    bytes.fill(0x41, at64, at64 + 400);
    const sha256 = (b: Uint8Array): string => createHash("sha256").update(b).digest("hex");
    const before = sha256(readFileSync(model));
    writeFileSync(model, bytes);
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace(before, sha256(bytes)));
    expect(await verify(folder)).toMatchObject({ passed: false, failure: { stage: "artifact" } });
  });
});

describe("a network whose outputs on one input are decided by rounding", () => {
  const starnet = { model: "starnet_s1", taps: ["logits", "features.0"] };

  test("does not pass, and no pass is accused", async () => {
    await compileTiny(at("rounded"), starnet);
    const steps: string[] = [];
    const certificate = await verify(at("rounded"), { progress: (text) => steps.push(text) });
    expect(certificate).toMatchObject({ passed: false, failure: { stage: "rounding", pass: null, rule: null } });
    const said =
      /decided by rounding: changing the last bit of the input moves it by \S+ budgets; nothing can be said about it/;
    expect(certificate.failure?.message).toMatch(new RegExp(`^logits is ${said.source}\\. Synthetic weights`));
    const [logits, early] = certificate.outputs;
    expect(logits).toMatchObject({
      passed: false,
      worst_input: "noise",
      problem: expect.stringMatching(said) as string,
    });
    expect(logits?.budget_used).toBeGreaterThan(100);
    expect(logits?.budget_moved).toBeGreaterThan(100);
    expect(early).toMatchObject({ passed: true, budget_moved: null, problem: null });
    expect(steps.join()).not.toContain("looking for the fault");
    expect(certificateSchema.parse(certificate)).toEqual(certificate);
  });

  test("still has a wrong rule found by its name", async () => {
    const pipeline = [...pipelineOf("O2"), passOf(dropLinearBias)];
    await compileTiny(at("rounded-bad"), starnet, pipeline);
    const { failure, outputs } = await verify(at("rounded-bad"), {}, pipeline);
    expect(failure).toMatchObject({ stage: "pass", pass: "drop-linear-bias", module: "head" });
    expect(outputs[0]).toMatchObject({ passed: false, budget_moved: null, problem: null });
  });
});

test("an interrupted verification leaves nothing", async () => {
  await compileTiny(at("stopped"));
  expect(await refusal(verify(at("stopped"), { signal: AbortSignal.abort() }))).toMatch(/^interrupted: /);
  const late = new AbortController();
  const stopped = verify(at("stopped"), { signal: late.signal, progress: () => late.abort() });
  expect(await refusal(stopped)).toMatch(/^interrupted: /);
  expect(existsSync(at("stopped/certificate.json"))).toBe(false);
});
