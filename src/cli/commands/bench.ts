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
      const { bench } = await import("../../driver/bench.ts");
      const report = await bench(dirs, { ...options, signal: shell.signal, progress: shell.status });
      if (json === true) shell.json(report);
      else shell.print(describe(report, shell.colors).join("\n"));
    });

function describe({ artifacts, runtime, threads, runs }: BenchReport, colors: Shell["colors"]): string[] {
  const right = (title: string) => ({ title, align: "right" }) as const;
  const [head = "", ...rows] = table(
    [
      { title: "artifact" },
      { title: "architecture" },
      { title: "level" },
      right("batch"),
      right("p50 ms"),
      right("p95 ms"),
      right("min ms"),
      right("images/s"),
      right("ratio"),
    ],
    artifacts.map((a) => [
      a.artifact,
      a.architecture,
      a.optimization,
      String(a.batch),
      a.p50_ms.toFixed(2),
      a.p95_ms.toFixed(2),
      a.min_ms.toFixed(2),
      a.images_per_second.toFixed(1),
      a.ratio.toFixed(3),
    ]),
  );
  const setting = `${runtime.name} ${runtime.version}, ${runs} runs each, ${threads === null ? "a thread per core" : `${threads} thread${threads === 1 ? "" : "s"}`}`;
  return [colors.bold(head), ...rows, "", setting];
}
