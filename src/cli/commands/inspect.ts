import { Command, Option } from "commander";
import type { Inspection, StageReport } from "../../driver/inspect.ts";
import type { Precision } from "../../passes/precision/precision.ts";
import type { LowerRequest } from "../../driver/lower-request.ts";
import { activationTable } from "../activation-table.ts";
import { groupTable } from "../group-table.ts";
import { kernelTable } from "../kernel-table.ts";
import { outputTable } from "../output-table.ts";
import {
  type FormOptions,
  type GraphOptions,
  type PassOptions,
  hubAccessOf,
  jsonOption,
  lowerRequestOf,
  modelArgument,
  noteLevel,
  onnxOpsOption,
  opsetOption,
  passRequestOf,
  precisionOption,
  targetOption,
  withGraphOptions,
  withPassOptions,
} from "../options.ts";
import type { Shell } from "../shell.ts";
import { type Column, table } from "../table.ts";
import { byteQuantity, quantity, shapeText } from "../units.ts";

interface InspectOptions extends GraphOptions, PassOptions, FormOptions {
  readonly paramGroups?: "coarse" | "fine" | true;
  readonly activations?: readonly string[];
  readonly ir?: boolean;
  readonly after?: string;
  readonly html?: string;
  readonly kernels?: boolean;
  readonly precision?: Precision;
  readonly json?: boolean;
}

const graphText = "Graph, with --ir, --kernels or --html:";
const insteadGroup = "Other tables:";

const epilogue = `
With a MODEL before it, --help also prints the model's own arguments.

Examples:
  timmc inspect resnet50
  timmc inspect resnet50 --arg output_stride=16 --taps features,module:layer3.2
  timmc inspect resnet50 --param-groups coarse
  timmc inspect local-dir:shapes --activations cat.jpg dog.jpg
  timmc inspect resnet50 --ir --after fold-batch-norm
  timmc inspect resnet50 --dynamic-size 32
  timmc inspect resnet50 --target webgpu --kernels
  timmc inspect resnet50 --target webgpu --html resnet50.html`;

export const inspectCommand = (shell: Shell): Command =>
  withPassOptions(withGraphOptions(new Command("inspect")), {
    group: graphText,
    level: new Option("-O <LEVEL>", "after the passes of this level: for --ir 0 where none is given, for --html 2"),
  })
    .description("the feature stages of a model, what each costs, and the outputs that compile would emit")
    .argument("<MODEL>", modelArgument)
    .addOption(
      new Option("--param-groups [KIND]", "print the parameters by depth instead, in groups of timm's: fine or coarse")
        .choices(["fine", "coarse"])
        .conflicts(["ir", "activations", "html", "kernels"])
        .helpGroup(insteadGroup),
    )
    .addOption(
      new Option("--activations <IMAGES...>", "run pictures and print what the stages, or the taps, give instead")
        .conflicts(["ir", "html", "kernels"])
        .helpGroup(insteadGroup),
    )
    .addOption(
      new Option("--kernels", "print the kernels of --target webgpu or cuda instead, and what each reads and writes")
        .conflicts(["ir", "html"])
        .helpGroup(insteadGroup),
    )
    .addOption(new Option("--ir", "print the graph as text instead").helpGroup(graphText))
    .addOption(new Option("--after <PASS>", "the graph after this pass, of -O2 unless given").helpGroup(graphText))
    .addOption(targetOption("what compile would emit"))
    .addOption(precisionOption("for --kernels or --html: ").helpGroup(graphText))
    .addOption(opsetOption("for this ").helpGroup(graphText))
    .addOption(onnxOpsOption("for ").helpGroup(graphText))
    .addOption(
      new Option(
        "--html <FILE>",
        "write one page for any browser: modules, graph before and after passes, costs, tap chooser",
      ).conflicts(["ir", "json"]),
    )
    .addOption(jsonOption("parameters, stages and outputs"))
    .addHelpText("after", epilogue)
    .action(async (model: string, options: InspectOptions, command: Command) => {
      const { ir = false, html, after, opset, onnxOps, json, kernels = false, target, precision } = options;
      const isGraph = ir || html !== undefined;
      for (const [flag, value] of [
        ["-O LEVEL", options.O],
        ["--passes LIST", options.passes],
        ["--precision TYPE", ir ? undefined : precision],
      ])
        if (value !== undefined && !isGraph && !kernels)
          command.error(`error: ${String(flag)} needs --ir, --kernels or --html`);
      for (const [flag, value] of [
        ["--after PASS", after],
        ["--opset N", opset],
        ["--onnx-ops SET", onnxOps],
      ])
        if (value !== undefined && !isGraph) command.error(`error: ${flag} needs --ir or --html`);
      if (after === "all")
        command.error("error: --after takes one pass; timmc compile --print-ir-after all prints the graph after each");
      noteLevel(command, options, shell.note);
      const request = { ...lowerRequestOf(model, options), ...hubAccessOf(shell, options) };
      if (html !== undefined) return writePage(html, request, options, shell);
      if (options.activations !== undefined) return printActivations(shell, request, options, options.activations);
      const { inspect } = await import("../../driver/inspect.ts");
      const report = await inspect({
        ...request,
        target,
        paramGroups: options.paramGroups !== undefined,
        kernels: kernels ? { precision, ...passRequestOf(options) } : undefined,
        ir: ir ? { after, opset, onnxOps, ...passRequestOf(options) } : undefined,
      });
      if (json === true) return shell.json(report);
      report.notices.forEach(shell.note);
      shell.print(textOf(report, options, shell));
    });

function textOf(report: Inspection, { paramGroups }: InspectOptions, shell: Shell): string {
  if (report.ir !== undefined) return report.ir.trimEnd();
  if (report.kernels !== undefined) return kernelTable(report.kernels, shell.colors).join("\n");
  if (paramGroups === undefined) return describe(report, shell);
  return groupTable(report, paramGroups === "coarse" ? "coarse" : "fine", shell.colors).join("\n");
}

async function writePage(path: string, request: LowerRequest, options: InspectOptions, shell: Shell): Promise<void> {
  const { graphPage } = await import("../../driver/graph-page/graph-page.ts");
  const { writeWhole } = await import("../../driver/artifact-files.ts");
  const { parseWeights } = await import("../../driver/weights.ts");
  const { after, target, precision, opset, onnxOps, weights } = options;
  shell.status(`drawing ${request.model}`);
  const { html, inspection, data } = await graphPage({
    ...request,
    ...passRequestOf(options),
    cacheDir: options.cacheDir,
    after,
    target,
    precision,
    opset,
    onnxOps,
    weights: parseWeights(weights),
  });
  inspection.notices.forEach(shell.note);
  writeWhole(path, html);
  shell.log(`${path}: ${data.modules.name.length} modules, ${byteQuantity(Buffer.byteLength(html))}`);
}

async function printActivations(
  shell: Shell,
  request: LowerRequest,
  { weights, json }: InspectOptions,
  images: readonly string[],
): Promise<void> {
  const { activations } = await import("../../driver/activations.ts");
  const { parseWeights } = await import("../../driver/weights.ts");
  const report = await activations({ ...request, weights: parseWeights(weights), images });
  if (json === true) return shell.json(report);
  report.notices.forEach(shell.note);
  shell.print(activationTable(report.taps, images.length, shell.colors).join("\n"));
}

function describe(report: Inspection, { colors }: Shell): string {
  const { architecture, tag, family, params, macs, input, input_dims, features, outputs } = report;
  const head = [
    `${colors.bold(tag === "" ? architecture : `${architecture}.${tag}`)} (${family})`,
    `${quantity(params)} parameters, ${quantity(macs)} MACs, input ${input.dtype}${shapeText(input_dims)}`,
  ];
  const stages = features.length === 0 ? ["no feature stages"] : stageTable(features, colors);
  return [...head, "", ...stages, "", ...outputTable(outputs, colors)].join("\n");
}

const stageColumns: readonly Column[] = [
  { title: "" },
  { title: "tap" },
  { title: "module" },
  { title: "channels", align: "right" },
  { title: "reduction", align: "right" },
  { title: "shape" },
  { title: "format" },
  { title: "MACs", align: "right" },
  { title: "params", align: "right" },
  { title: "output", align: "right" },
];

function stageTable(features: readonly StageReport[], colors: Shell["colors"]): string[] {
  const [head = "", ...rows] = table(
    stageColumns,
    features.map((f) => [
      f.refused === undefined ? (f.default ? "*" : "") : "x",
      `features.${f.index}`,
      f.module === "" ? "-" : f.module,
      String(f.channels),
      String(f.reduction),
      shapeText(f.shape),
      f.format,
      quantity(f.macs),
      quantity(f.params),
      f.bytes === null ? "-" : byteQuantity(f.bytes),
    ]),
  );
  return [
    colors.bold(head),
    ...rows,
    colors.dim("* what the tap features selects; MACs and params up to the stage, and its output's bytes, per image"),
    ...features.flatMap(({ index, refused }) =>
      refused === undefined ? [] : [colors.dim(`x features.${index} cannot be compiled: ${refused}`)],
    ),
  ];
}
