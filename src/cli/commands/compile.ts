import { Command, InvalidArgumentError, Option } from "commander";
import { TimmcError } from "../../ir/error.ts";
import type { Certificate } from "../../driver/certificate.ts";
import type { Manifest } from "../../driver/manifest.ts";
import { certificateFailure, certificateLines } from "../certificate-text.ts";
import { nowOnly, withLaterOptions } from "../later.ts";
import { type GraphOptions, jsonOption, lowerRequestOf, modelArgument, withGraphOptions } from "../options.ts";
import { outputTable } from "../output-table.ts";
import type { Shell } from "../shell.ts";
import { table } from "../table.ts";
import { byteQuantity, quantity } from "../units.ts";

interface CompileOptions extends GraphOptions {
  readonly out: string;
  readonly opset?: number;
  readonly O: "0" | "1" | "2";
  readonly verify?: boolean;
  readonly json?: boolean;
}

const epilogue = `
With a MODEL before it, --help also prints the model's own arguments.

Examples:
  timmc compile resnet50 -o out --weights resnet50.safetensors
  timmc compile local-dir:shapes -o out --taps logits,features
  timmc compile vit_tiny_patch16_224 -o out --weights synthetic --arg img_size=256 --taps module:blocks.5.attn`;

/** Which operator sets there are is the backend's to say, when the command runs: the help does without it. */
const opset = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
};

const emission = "Artifact:";

export const compileCommand = (shell: Shell): Command =>
  withLaterOptions(
    "compile",
    withGraphOptions(new Command("compile"))
      .description("compile a model to an artifact folder: model.onnx and manifest.json")
      .argument("<MODEL>", modelArgument)
      .addOption(new Option("-o, --out <DIR>", "the artifact folder").makeOptionMandatory().helpGroup(emission))
      .addOption(
        new Option("--target <NAME>", "what to emit: onnx")
          .argParser(nowOnly("--target", ["onnx"], ["webgpu", "cuda"]))
          .default("onnx")
          .helpGroup(emission),
      )
      .addOption(
        new Option(
          "-O <LEVEL>",
          "optimisation: 0 is the graph as timm defines it; 1 and 2 rewrite it exactly, and are the same in this version",
        )
          .choices(["0", "1", "2"])
          .default("2")
          .helpGroup(emission),
      )
      .addOption(
        new Option("--opset <N>", "ONNX operator set, 17 where this is not given").argParser(opset).helpGroup(emission),
      )
      .addOption(
        new Option("--onnx-ops <SET>", "operators to use: standard")
          .argParser(nowOnly("--onnx-ops", ["standard"], ["ort"]))
          .default("standard")
          .helpGroup(emission),
      )
      .addOption(new Option("--verify", "then run it against the unoptimised graph and certify it").helpGroup(emission))
      .addOption(jsonOption("the manifest"))
      .addHelpText("after", epilogue)
      .action(async (model: string, options: CompileOptions) => {
        const { json = false } = options;
        if (options.verify === true && options.weights === "none")
          throw new TimmcError("usage", "--verify runs the model, and --weights none leaves it without weights", {
            hint: "leave one of the two out",
          });
        const manifest = await compileModel(model, options, shell);
        manifest.notices.forEach(shell.note);
        if (!json) shell.print(describe(manifest, options.out, shell));
        const certificate = options.verify === true ? await verifyArtifact(model, manifest, options, shell) : undefined;
        if (json) shell.json(manifest);
        if (certificate?.passed === false) throw certificateFailure(options.out, certificate);
      }),
  );

async function compileModel(model: string, options: CompileOptions, shell: Shell): Promise<Manifest> {
  const { compile } = await import("../../driver/compile.ts");
  const { parseWeights } = await import("../../driver/weights.ts");
  return compile({
    ...lowerRequestOf(model, options),
    out: options.out,
    weights: parseWeights(options.weights),
    opset: options.opset,
    optimization: `O${options.O}`,
    signal: shell.signal,
    progress: shell.status,
  });
}

async function verifyArtifact(
  model: string,
  { source }: Manifest,
  options: CompileOptions,
  shell: Shell,
): Promise<Certificate> {
  const { verify } = await import("../../driver/verify.ts");
  const certificate = await verify(options.out, {
    model: source.model === null ? model : undefined,
    weights: source.weights.kind === "file" ? options.weights : undefined,
    signal: shell.signal,
    progress: shell.status,
  });
  if (options.json !== true) shell.print(["", ...certificateLines(certificate, shell.colors)].join("\n"));
  return certificate;
}

function describe(manifest: Manifest, folder: string, { colors }: Shell): string {
  const { source, params, macs, passes, outputs, files, target } = manifest;
  const name = source.tag === "" ? source.architecture : `${source.architecture}.${source.tag}`;
  const sizes = table(
    [{ title: "file" }, { title: "size", align: "right" }],
    files.map((f) => [f.path, byteQuantity(f.bytes)]),
  );
  return [
    `${colors.bold(name)}: ${quantity(params)} parameters, ${quantity(macs)} MACs, opset ${target.opset}`,
    `passes: ${countText(passes)}`,
    "",
    ...outputTable(outputs, colors),
    "",
    ...sizes,
    "",
    `artifact: ${folder}`,
  ].join("\n");
}

/** How often each rule applied, over all passes, in the order of the passes. */
function countText(passes: Manifest["passes"]): string {
  const counts = new Map<string, number>();
  for (const [rule, n] of passes.flatMap((p) => Object.entries(p.counts)))
    counts.set(rule, (counts.get(rule) ?? 0) + n);
  return [...counts].map(([rule, n]) => `${rule} ${n}`).join(", ") || "none";
}
