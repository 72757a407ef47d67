import { type LoweredRequest, type LowerRequest, lowerRequest, perImageOf, symbolsOf } from "../lower-request.ts";
import { type Pipeline, runPipeline } from "../../passes/pass.ts";
import { modelName } from "../../frontend/registry.ts";
import type { Graph } from "../../ir/graph.ts";
import { printType, substituteType } from "../../ir/type.ts";
import type { Value } from "../../ir/value.ts";
import { type OpName, opOf } from "../../ir/ops/index.ts";
import { parameterNames } from "../describe-tap.ts";
import { type Inspection, inspectLowered } from "../inspect.ts";
import { kernelTargets } from "../kernel-facts.ts";
import { kernelReport } from "../kernel-report.ts";
import { type PassReport, reporting } from "../pass-observers.ts";
import { defaultLevel, pipelineName, pipelineOf, positionAfter } from "../pipeline.ts";
import { type PageModel, decodePage } from "./browser/model.js";
import { type Application, recording } from "./applications.ts";
import { commandData } from "./compile-words.ts";
import { ancestorsOf, graphColumns } from "./graph-columns.ts";
import { Layouts } from "./level-layouts.ts";
import { modulePathOf, moduleTree } from "./module-tree.ts";
import type { ModuleColumns, PageData } from "./page-data.ts";
import type { PageRequest } from "./page-request.ts";
import { pageHtml } from "./page.ts";
import { batchSymbol } from "../../zoo/lower.ts";
import { Strings } from "./strings.ts";
import { eachTap, resolveChoices, tapChoice } from "./tap-choices.ts";
import { checkedRequest } from "../target/targets.ts";

interface GraphPage {
  readonly html: string;
  readonly inspection: Inspection;
  readonly data: PageData;
}

/** One HTML document on a model that needs no other file and no network. The same request gives the same bytes. */
export async function graphPage(asked: PageRequest): Promise<GraphPage> {
  const request = checkedRequest(asked);
  const { pipeline, level } = pipelineUpTo(request);
  const lowering = await lowerRequest(request);
  const perImage = perImageOf(lowering);
  const inspection = inspectLowered(lowering, perImage);
  const page = await laidOut(decodePage(pageData(request, { lowering, perImage }, { pipeline, level })));
  return { html: pageHtml(page, inspection), inspection, data: page.data };
}

interface Lowerings {
  /** Of the batch that was asked for. */
  readonly lowering: LoweredRequest;
  /** The same with a dynamic batch. */
  readonly perImage: LoweredRequest;
}

interface Passes {
  readonly pipeline: Pipeline;
  readonly level: string;
}

function pipelineUpTo(request: PageRequest): Passes {
  const { optimization = defaultLevel, passes, after } = request;
  const pipeline = pipelineOf(optimization, passes, request);
  const name = pipelineName(optimization, passes);
  if (after === undefined) return { pipeline, level: name };
  return { pipeline: pipeline.slice(0, positionAfter(pipeline, after, name)), level: `${name}, after ${after}` };
}

/** Everything but the layouts. */
function pageData(request: PageRequest, { lowering, perImage }: Lowerings, passes: Passes): PageData {
  const { resolved } = lowering;
  const { graph: after } = lowering.lowered.graph.clone();
  const reports: PassReport[] = [];
  const applications: Application[] = [];
  const symbols = symbolsOf(lowering);
  runPipeline(after, recording(passes.pipeline, applications), [
    reporting(reports, request.batch, symbolsOf(lowering)),
  ]);
  const graphs = graphsOf(perImage, { graph: after, applications, symbols }, request.batch);
  return {
    title: modelName(resolved.architecture, resolved.tag),
    ...graphs,
    level: passes.level,
    passes: reports,
    layouts: [],
    docs: docsOf([perImage.lowered.graph, after]),
    command: commandData(request, resolved.architecture),
    kernels: hasKernels(request) ? kernelReport(lowering.lowered.graph, request) : null,
  };
}

const hasKernels = ({ target }: PageRequest): boolean => kernelTargets.some((name) => name === target);

/** A graph as the passes left it. */
interface Optimised {
  readonly graph: Graph;
  readonly applications: readonly Application[];
  readonly symbols: Readonly<Record<string, number>>;
}

/** The columns of both graphs over one tree and one table of strings; `perImage` gets the values that taps are made of. */
function graphsOf(
  perImage: LoweredRequest,
  { graph: after, applications, symbols }: Optimised,
  asked: LowerRequest["batch"],
): Pick<PageData, "strings" | "modules" | "before" | "after" | "applications" | "taps"> {
  const { lowered } = perImage;
  const batch = typeof asked === "number" ? asked : batchSymbol;
  const choices = resolveChoices(perImage);
  const before = lowered.graph;
  const parameters = [...before.values()].filter((v) => v.op === "param");
  const kept = ancestorsOf([
    ...parameters,
    ...before.outputs.map((o) => o.value),
    ...choices.flatMap((c) => c.taps.map((t) => t.value)),
    ...[...lowered.modules.values()].flat(),
  ]);
  const strings = new Strings();
  const tree = moduleTree([...[...before.values(), ...after.values()].map(modulePathOf), ...lowered.modules.keys()]);
  const placeOf = (path: string): number => tree.places.get(path) ?? 0;
  const context = { strings, tree, parameterNames: parameterNames(lowered), symbols };
  const { columns, rows } = graphColumns(before, kept, { ...context, batch: 1 });
  const eachResult = (of: (value: Value) => number): number[][] =>
    [...tree.places.keys()].map((path) => (lowered.modules.get(path) ?? []).map(of));
  const modules: ModuleColumns = {
    name: tree.modules.map((m) => strings.place(m.name)),
    parent: tree.modules.map((m) => m.parent),
    results: eachResult((v) => rows.get(v) ?? -1),
    resultTypes: eachResult((v) => strings.place(printType(substituteType(v.type, { N: batch })))),
  };
  const left = graphColumns(after, ancestorsOf(after.outputs.map((o) => o.value)), {
    ...context,
    batch: typeof asked === "number" ? asked : 1,
  });
  return {
    modules,
    before: { ...columns, layout: [] },
    after: { ...left.columns, layout: [] },
    applications: {
      rule: applications.map(({ rule }) => strings.place(rule)),
      into: applications.map(({ into }) => (into === undefined ? -1 : placeOf(into))),
      took: applications.map(({ took }) => took.map(placeOf)),
    },
    taps: {
      choices: choices.map((c) => tapChoice(c, rows, batch)),
      asked: eachTap(perImage),
    },
    strings: strings.texts,
  };
}

/** Lays out every level of both graphs. */
async function laidOut(page: PageModel): Promise<PageModel> {
  const { data, before, after, modules } = page;
  const layouts = await Layouts.load();
  const placed = {
    before: { ...data.before, layout: await layouts.ofGraph(before, modules) },
    after: { ...data.after, layout: await layouts.ofGraph(after, modules) },
  };
  return { ...page, data: { ...data, ...placed, layouts: layouts.layouts } };
}

/** The first sentence on each op that the graphs have. */
function docsOf(graphs: readonly Graph[]): Record<string, string> {
  const names = new Set<OpName>(graphs.flatMap((graph) => [...graph.values()].map((v) => v.op)));
  return Object.fromEntries([...names].sort().map((name) => [name, opOf(name).doc.split(/(?<=\.)\s/)[0] ?? ""]));
}
