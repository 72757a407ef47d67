import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { CompileRequest } from "../../src/driver/compile.ts";
import { inspect } from "../../src/driver/inspect.ts";
import {
  type PassReport,
  type PassTrace,
  measureGraph,
  printing,
  reporting,
  tracing,
} from "../../src/driver/pass-observers.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { pipelineOf } from "../../src/driver/pipeline.ts";
import { verify } from "../../src/driver/verify.ts";
import { optimize } from "../../src/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { runPipeline } from "../../src/passes/pass.ts";
import { compileTiny, refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const asked = ["fold-batch-norm", "dead-code"];

describe("the manifest", () => {
  it("records the level, the passes that were asked for and what each did", async () => {
    const level = await compileTiny(at("level"), { optimization: "O1" });
    expect(level.request).toMatchObject({ optimization: "O1", passes: null, onnx_ops: "standard" });
    expect(level.passes.map((p) => p.pass)).toEqual(pipelineOf("O1").map((p) => p.name));
    const chosen = await compileTiny(at("chosen"), { passes: asked, onnxOps: "ort" });
    expect(chosen.request).toMatchObject({ optimization: "O2", passes: asked, onnx_ops: "ort" });
    expect(chosen.passes.map((p) => [p.pass, p.counts])).toEqual([
      ["fold-batch-norm", { "fold-batch-norm": 15, "split-batch-norm": 0 }],
      ["dead-code", { "dead-code": 15 }],
    ]);
    expect(await verify(at("chosen"))).toMatchObject({ passed: true });
    const none = await compileTiny(at("none"), { passes: [] });
    expect([none.request.passes, none.passes]).toEqual([[], []]);
  });

  it("has passes for what only some operators take in one", async () => {
    const standard = await compileTiny(at("standard"), { model: "test_vit", inputSize: undefined });
    const own = await compileTiny(at("own"), { model: "test_vit", inputSize: undefined, opset: 23, onnxOps: "ort" });
    const names = own.passes.map((p) => p.pass);
    expect(names).toEqual(pipelineOf("O2", null, { opset: 23, onnxOps: "ort" }).map((p) => p.name));
    expect(own.passes.find((p) => p.pass === "pack-heads")?.counts["pack-heads"]).toBeGreaterThan(0);
    expect(own.graph.nodes.after).toBeLessThan(standard.graph.nodes.after);
    expect(await verify(at("own"))).toMatchObject({ passed: true });
    const fused = await compileTiny(at("fused"), { onnxOps: "ort" });
    expect(fused.passes.find((p) => p.pass === "fuse-conv")?.counts["fuse-conv-activation"]).toBeGreaterThan(0);
    expect(await verify(at("fused"))).toMatchObject({ passed: true });
  });

  it("has the same graph at -O0 whatever the operators, and single ones for compositions", async () => {
    const request = { model: "test_vit", inputSize: undefined, optimization: "O0", weights: "none" } as const;
    const standard = await compileTiny(at("standard-O0"), request);
    const own = await compileTiny(at("own-O0"), { ...request, opset: 23, onnxOps: "ort" });
    expect(own.passes).toEqual(standard.passes);
    expect(own.graph.nodes).toEqual(standard.graph.nodes);
    expect(own.graph.onnx_nodes).toBeLessThan(standard.graph.onnx_nodes ?? 0);
  });

  it("counts nodes, weights and MACs before and after", async () => {
    const none = await compileTiny(at("unoptimised"), { passes: [] });
    const { graph, macs } = none;
    expect(graph.nodes.after).toBe(graph.nodes.before);
    expect(none.macs_optimized).toBe(macs);
    const folded = await compileTiny(at("folded"), { passes: asked });
    expect([folded.macs, folded.graph.nodes.before]).toEqual([macs, graph.nodes.before]);
    expect(folded.graph.nodes.after).toBe(graph.nodes.before - 15);
    expect(folded.graph.weight_bytes.after).toBeLessThan(folded.graph.weight_bytes.before);
    expect(folded.passes.map((p) => p.nodes)).toEqual([folded.graph.nodes.after, folded.graph.nodes.after]);
    expect(folded.passes.at(-1)?.macs).toBe(folded.macs_optimized);
    expect(folded.macs_optimized).toBeLessThan(macs);
  });

  it.each(["test_resnet", "test_vit"])("of %s counts per image, whatever the batch", async (model) => {
    const sizes = async (batch: CompileRequest["batch"]) => {
      const inputSize = undefined;
      const { macs, macs_optimized, passes } = await compileTiny(at("batch"), {
        model,
        inputSize,
        batch,
        weights: "none",
      });
      return { macs, macs_optimized, passes: passes.map((p) => p.macs) };
    };
    const expected = await sizes("dynamic");
    expect(await sizes(1)).toEqual(expected);
    expect(await sizes(3)).toEqual(expected);
  });

  it("does not change with who looks on", async () => {
    const traces: PassTrace[] = [];
    const texts: string[] = [];
    const printer = printing(["all"], pipelineOf("O2"), { owner: "-O2", print: (text) => texts.push(text) });
    await compileTiny(at("watched"), { observers: [tracing(traces), printer] });
    await compileTiny(at("alone"));
    const read = (folder: string): string => readFileSync(at(`${folder}/manifest.json`), "utf8");
    expect(read("watched")).toBe(read("alone"));
    expect(traces).toHaveLength(pipelineOf("O2").length);
    expect(traces.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
    expect(texts).toHaveLength(pipelineOf("O2").length);
  });
});

it("compile refuses an unknown pass before it writes", async () => {
  expect(await refusal(compileTiny(at("refused"), { passes: ["fold"] }))).toMatch(/^usage: timmc has no pass "fold"/);
});

describe("observers", () => {
  const lowered = async () => (await lowerRequest({ model: "test_resnet" })).lowered.graph;

  it("print the graph after the passes that are named, as text that reads back", async () => {
    const graph = await lowered();
    const pipeline = pipelineOf("O2", ["dead-code", "fold-batch-norm", "dead-code"]);
    const texts: string[] = [];
    runPipeline(graph, pipeline, [printing(["dead-code"], pipeline, { owner: "it", print: (t) => texts.push(t) })]);
    expect(texts.map((t) => t.split("\n", 1)[0])).toEqual([
      "// after dead-code, pass 1 of 3",
      "// after dead-code, pass 3 of 3",
    ]);
    expect(printGraph(parseGraph(texts[1] ?? ""))).toBe(printGraph(graph));
    expect(texts[0]).toContain("batch_norm(");
  });

  it("tell whether a pass changed what runs", async () => {
    const traces: PassTrace[] = [];
    runPipeline(await lowered(), pipelineOf("O2", ["fold-batch-norm", "dead-code"]), [tracing(traces)]);
    expect(traces.map((t) => t.leavesRunning)).toEqual([false, true]);
  });

  it("report what each pass left, and leave out what no output needs", async () => {
    const graph = await lowered();
    const before = measureGraph(graph);
    const reports: PassReport[] = [];
    runPipeline(graph, pipelineOf("O2", ["dead-code", "fold-batch-norm"]), [reporting(reports, "dynamic")]);
    expect(reports[0]).toMatchObject({ pass: "dead-code", ...before });
    expect(reports.at(-1)).toMatchObject(measureGraph(graph));
  });
});

it("the library and inspect rewrite as compile does", async () => {
  const graphs = [];
  const own = { opset: 23, onnxOps: "ort" } as const;
  for (const run of [
    { level: "O1" },
    { level: "O2" },
    { level: "O2", passes: asked },
    { level: "O2", forms: own },
  ] as const) {
    const { graph } = (await lowerRequest({ model: "test_resnet" })).lowered;
    const passes = "passes" in run ? run.passes : undefined;
    const forms = "forms" in run ? run.forms : {};
    expect(optimize(graph, run.level, passes, forms).map((p) => p.pass)).toEqual(
      pipelineOf(run.level, passes, forms).map((p) => p.name),
    );
    const { ir } = await inspect({ model: "test_resnet", ir: { optimization: run.level, passes, ...forms } });
    expect(ir).toBe(printGraph(graph));
    graphs.push(ir);
  }
  expect(graphs.every((text) => !text?.includes("batch_norm("))).toBe(true);
  expect(graphs.map((text) => text?.includes("fused_conv("))).toEqual([false, false, false, true]);
});

describe("inspect's text", () => {
  const ir = async (request: NonNullable<Parameters<typeof inspect>[0]["ir"]>) =>
    (await inspect({ model: "test_resnet", ir: request })).ir ?? "";

  it("is of -O0 unless a level, passes or a pass of -O2 say otherwise", async () => {
    expect(await ir({})).toBe(await ir({ optimization: "O0" }));
    expect(await ir({})).toBe(await ir({ passes: ["dead-code"] }));
    expect(await ir({ after: "fold-batch-norm" })).toBe(await ir({ optimization: "O2", after: "fold-batch-norm" }));
    expect(await ir({ passes: ["fold-batch-norm", "dead-code"], after: "fold-batch-norm" })).toBe(
      await ir({ passes: ["fold-batch-norm"] }),
    );
  });

  it("is refused after a pass that the pipeline has not", async () => {
    expect(await refusal(ir({ optimization: "O0", after: "fold-batch-norm" }))).toBe(
      'usage: -O0 has no pass "fold-batch-norm"\n  Its passes are dead-code.',
    );
  });
});
