import { Command, Option } from "commander";
import type { BenchReport } from "../../driver/bench.ts";
import { positiveNumber } from "../numbers.ts";
import { jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";
import { table } from "../table.ts";

interface BenchCommandOptions {
  readonly runs: number;
  readonly batch?: number;
  readonly threads?: number;
  readonly json?: boolean;
}

export const benchCommand = (shell: Shell): Command =>
  new Command("bench")
    .description("time artifacts side by side: warm-up, then runs that take turns")
    .argument("<DIR...>", "artifact folders, from timmc compile; the first is what the others are compared with")
    .addOption(new Option("--runs <N>", "measured runs of each").argParser(positiveNumber).default(30))
    .addOption(new Option("--batch <N>", "images per run").argParser(positiveNumber))
    .addOption(new Option("--threads <N>", "threads of ONNX Runtime (default: one per core)").argParser(positiveNumber))
    .addOption(jsonOption("the same figures"))
    .action(async (dirs: string[], { json, ...options }: BenchCommandOptions) => {
      const { bench, differingTraits } = await import("../../driver/bench.ts");
      const report = await bench(dirs, { ...options, signal: shell.signal, progress: shell.status });
      if (json === true) return shell.json(report);
      report.notes.forEach(shell.note);
      const [head = "", ...rest] = describe(report, differingTraits(report.artifacts));
      shell.print([shell.colors.bold(head), ...rest].join("\n"));
    });

/** Columns of what distinguishes the artifacts, beside the model and the level, which are always there. */
const traitTitles = { onnx_ops: "operators", opset: "opset", input: "input", taps: "taps", args: "arguments" } as const;
const optionalTraits = ["onnx_ops", "opset", "input", "taps", "args"] as const;

function describe({ artifacts, runtime, threads, runs }: BenchReport, traits: readonly string[]): string[] {
  const right = (title: string) => ({ title, align: "right" }) as const;
  const shown = optionalTraits.filter((name) => traits.includes(name));
  const compared = artifacts.length > 1;
  const lines = table(
    [
      { title: "artifact" },
      { title: "model" },
      { title: "level" },
      ...shown.map((name) => ({ title: traitTitles[name] })),
      right("batch"),
      right("p50 ms"),
      right("p95 ms"),
      right("min ms"),
      right("images/s"),
      ...(compared ? [right("ratio"), { title: "95 % interval" }] : []),
    ],
    artifacts.map((a, i) => [
      a.artifact,
      a.model,
      a.optimization,
      ...shown.map((name) => a[name] || "-"),
      String(a.batch),
      a.p50_ms.toFixed(2),
      a.p95_ms.toFixed(2),
      a.min_ms.toFixed(2),
      a.images_per_second.toFixed(1),
      ...(compared ? [a.ratio.toFixed(3), i === 0 ? "" : intervalOf(a)] : []),
    ]),
  );
  const said = compared ? ["ratio: time per image over that of the first artifact, the median of the rounds"] : [];
  const setting = `${runtime.name} ${runtime.version}, ${runs} run${runs === 1 ? "" : "s"} each, ${threads === null ? "a thread per core" : `${threads} thread${threads === 1 ? "" : "s"}`}`;
  return [...lines, "", ...said, setting];
}

/** An interval that holds 1 is no difference. */
const intervalOf = ({ ratio_low, ratio_high }: BenchReport["artifacts"][number]): string =>
  `${ratio_low.toFixed(3)} to ${ratio_high.toFixed(3)}${ratio_low <= 1 && ratio_high >= 1 ? ", no difference" : ""}`;
