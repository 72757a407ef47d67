import { Command, Option } from "commander";
import type { BenchReport } from "../../driver/bench.ts";
import type { Size } from "../../driver/sizes.ts";
import type { KernelTime } from "../../runtime/session.ts";
import { positiveNumber } from "../numbers.ts";
import { imageSize, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";
import { table } from "../table.ts";

interface BenchCommandOptions {
  readonly runs: number;
  readonly batch?: number;
  readonly size?: Size;
  readonly threads?: number;
  readonly profile?: boolean;
  readonly json?: boolean;
}

export const benchCommand = (shell: Shell): Command =>
  new Command("bench")
    .description("time artifacts side by side: warm-up, then runs that take turns")
    .argument("<DIR...>", "artifact folders, from timmc compile; the first is what the others are compared with")
    .addOption(new Option("--runs <N>", "measured runs of each").argParser(positiveNumber).default(30))
    .addOption(new Option("--batch <N>", "images per run").argParser(positiveNumber))
    .addOption(
      new Option("--size <HxW>", "height and width to run (default: the artifact's own; of several, each)").argParser(
        imageSize,
      ),
    )
    .addOption(new Option("--threads <N>", "threads of ONNX Runtime (default: one per core)").argParser(positiveNumber))
    .addOption(new Option("--profile", "also time each kernel, where the runtime can: on WebGPU"))
    .addOption(jsonOption("the same figures"))
    .action(async (dirs: string[], { json, ...options }: BenchCommandOptions) => {
      const { bench, differingTraits } = await import("../../driver/bench.ts");
      const report = await bench(dirs, { ...options, signal: shell.signal, progress: shell.status, note: shell.note });
      if (json === true) return shell.json(report);
      report.notes.forEach(shell.note);
      const [head = "", ...rest] = describe(report, differingTraits(report.artifacts));
      shell.print([shell.colors.bold(head), ...rest].join("\n"));
      for (const { artifact, kernels } of report.artifacts)
        if (kernels !== undefined) shell.print(profileLines(artifact, kernels, shell.colors).join("\n"));
    });

/** Columns of what distinguishes the artifacts, beside those that are always there. */
const traitTitles = {
  target: "target",
  onnx_ops: "operators",
  opset: "opset",
  taps: "taps",
  args: "arguments",
} as const;
const optionalTraits = ["target", "onnx_ops", "opset", "taps", "args"] as const;

function describe({ artifacts, runtimes, threads, runs }: BenchReport, traits: readonly string[]): string[] {
  const right = (title: string) => ({ title, align: "right" }) as const;
  const shown = optionalTraits.filter((name) => traits.includes(name));
  const compared = artifacts.length > 1;
  const lines = table(
    [
      { title: "artifact" },
      { title: "model" },
      { title: "level" },
      ...shown.map((name) => ({ title: traitTitles[name] })),
      { title: "input" },
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
      a.input,
      String(a.batch),
      a.p50_ms.toFixed(2),
      a.p95_ms.toFixed(2),
      a.min_ms.toFixed(2),
      a.images_per_second.toFixed(1),
      ...(compared ? [a.ratio.toFixed(3), i === 0 ? "" : intervalOf(a)] : []),
    ]),
  );
  const said = compared ? ["ratio: time per image over that of the first artifact, the median of the rounds"] : [];
  const ran = Object.values(runtimes).map(
    ({ name, version, device }) => `${name} ${version}${device === null ? "" : ` on ${device}`}`,
  );
  const setting = `${ran.join(", ")}, ${runs} run${runs === 1 ? "" : "s"} each, ${threads === null ? "a thread per core" : `${threads} thread${threads === 1 ? "" : "s"}`}`;
  return [...lines, "", ...said, setting];
}

/** Kernels by falling time; those of one module apart. */
function profileLines(artifact: string, kernels: readonly KernelTime[] | null, colors: Shell["colors"]): string[] {
  const title = ["", colors.bold(artifact)];
  if (kernels === null) return [...title, "its runtime does not time kernels"];
  const all = kernels.reduce((sum, { ms }) => sum + ms, 0);
  const rows = kernels
    .toSorted((a, b) => b.ms - a.ms)
    .map(({ name, ms }) => [name, ms.toFixed(3), `${((100 * ms) / all).toFixed(1)} %`]);
  const [head = "", ...lines] = table(
    [{ title: "kernel" }, { title: "ms", align: "right" }, { title: "share", align: "right" }],
    rows,
  );
  return [...title, colors.dim(head), ...lines, `${kernels.length} kernels, ${all.toFixed(2)} ms`];
}

/** An interval that holds 1 is no difference. */
const intervalOf = ({ ratio_low, ratio_high }: BenchReport["artifacts"][number]): string =>
  `${ratio_low.toFixed(3)} to ${ratio_high.toFixed(3)}${ratio_low <= 1 && ratio_high >= 1 ? ", no difference" : ""}`;
