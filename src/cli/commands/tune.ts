import { Command, Option } from "commander";
import type { TuneReport } from "../../driver/tune.ts";
import { positiveNumber } from "../numbers.ts";
import {
  type GraphOptions,
  type PassOptions,
  jsonOption,
  lowerRequestOf,
  noteLevel,
  passRequestOf,
  withGraphOptions,
  withPassOptions,
} from "../options.ts";
import type { Shell } from "../shell.ts";
import { table } from "../table.ts";

interface TuneOptions extends GraphOptions, PassOptions {
  readonly out: string;
  readonly target: "webgpu";
  readonly candidates?: number;
  readonly rounds?: number;
  readonly json?: boolean;
}

const measuring = "Measuring:";
const level = (): Option => new Option("-O <LEVEL>", "the level of the graph, as in timmc compile").default("2");

const epilogue = `
Examples:
  timmc tune mobilenetv3_large_100 -o tuning.json
  timmc compile mobilenetv3_large_100 -o out --target webgpu --tuning tuning.json`;

export const tuneCommand = (shell: Shell): Command =>
  withPassOptions(withGraphOptions(new Command("tune")), { group: "Optimisation:", level: level() })
    .description("measure ways to cut a model's kernels on the present device; compile --tuning takes the best")
    .argument("<MODEL>", "a model, as in timmc compile, or an artifact folder")
    .addOption(
      new Option("-o, --out <FILE>", "the tuning file; what it holds of other models stays")
        .makeOptionMandatory()
        .helpGroup(measuring),
    )
    .addOption(
      new Option("--target <NAME>", "whose kernels are measured")
        .choices(["webgpu"])
        .default("webgpu")
        .helpGroup(measuring),
    )
    .addOption(
      new Option("--candidates <N>", "tiles of each shape (default: 12)")
        .argParser(positiveNumber)
        .helpGroup(measuring),
    )
    .addOption(
      new Option("--rounds <N>", "measurements of each (default: 7)").argParser(positiveNumber).helpGroup(measuring),
    )
    .addOption(jsonOption("what was measured"))
    .addHelpText("after", epilogue)
    .action(async (model: string, options: TuneOptions, command: Command) => {
      noteLevel(command, options, shell.note);
      const { tune } = await import("../../driver/tune.ts");
      const { out, target, candidates, rounds, cacheDir, json } = options;
      const report = await tune({
        ...lowerRequestOf(model, options),
        ...passRequestOf(options),
        cacheDir,
        out,
        target,
        candidates,
        rounds,
        signal: shell.signal,
        progress: shell.status,
      });
      if (json === true) return shell.json(report);
      shell.print(describe(report).join("\n"));
    });

const ms = (time: number): string => time.toFixed(3);

/** Shapes by the time that they take, those first that take most. */
function describe({ device, file, shapes, default_ms, ms: all }: TuneReport): string[] {
  const right = (title: string) => ({ title, align: "right" }) as const;
  const sorted = shapes.toSorted((a, b) => b.default_ms * b.kernels - a.default_ms * a.kernels);
  return [
    ...table(
      [{ title: "shape" }, ...["kernels", "tried", "table ms", "best ms", "ratio"].map(right)],
      sorted.map((s) => [
        s.shape,
        String(s.kernels),
        String(s.candidates),
        ms(s.default_ms),
        ms(s.ms),
        (s.ms / s.default_ms).toFixed(2),
      ]),
    ),
    "",
    `${device}: ${ms(all)} ms in all kernels, ${ms(default_ms)} with the tiles of the table`,
    `tuning: ${file}`,
  ];
}
