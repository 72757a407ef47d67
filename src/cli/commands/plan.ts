import { existsSync } from "node:fs";
import { Command, Option } from "commander";
import { TimmcError } from "../../ir/error.ts";
import { counted } from "../../frontend/counted.ts";
import { type PlanFormat, planFormats } from "../../driver/plan/formats.ts";
import { positiveNumber } from "../numbers.ts";
import type { Shell } from "../shell.ts";

interface PlanCommandOptions {
  readonly format: PlanFormat;
  readonly out?: string;
  readonly artifacts: string;
  readonly shards?: number;
  readonly memory: string;
  readonly command?: string;
  readonly image?: string;
}

const epilogue = `
timmc build --shard K/N does one part of the work; whatever starts the parts, they find each other's artifacts in a shared
cache. Paths start from the folder of a ninja file, and from here in other plans.

Examples:
  timmc plan timmc.config.ts --format ninja -o build.ninja && ninja
  timmc plan timmc.config.ts --format github-actions --shards 8 -o .github/workflows/models.yml
  timmc plan timmc.config.ts --format kubernetes --shards 20 --image registry.example.com/timmc:1 -o job.yaml`;

export const planCommand = (shell: Shell): Command =>
  new Command("plan")
    .description("write the work of a build for an engine that runs it: ninja, GitHub Actions or Kubernetes")
    .argument("<FILE>", "the configuration of the build: timmc.config.ts, .js or .json")
    .addOption(new Option("--format <NAME>", "the engine").choices(planFormats).makeOptionMandatory())
    .option("-o, --out <FILE>", "the file to write (default: print it)")
    .option("--artifacts <DIR>", "the folder that artifacts go to", "artifacts")
    .addOption(
      new Option("--shards <N>", "parts of the work, each for a machine (default: 4; of ninja none)").argParser(
        positiveNumber,
      ),
    )
    .option("--memory <SIZE>", "memory of a machine that compiles may take", "8G")
    .option("--command <WORDS>", "what starts timmc there (default: timmc; npx timmc for GitHub Actions)")
    .option("--image <NAME>", "a container image that has timmc, for kubernetes")
    .addHelpText("after", epilogue)
    .action(async (file: string, { memory, ...options }: PlanCommandOptions) => {
      const { out, shards } = options;
      if (out !== undefined && existsSync(`${out}/.`))
        throw new TimmcError("io", "this is a folder, not a file", { trail: [out] });
      const { sizeOf } = await import("../../driver/cache/folder.ts");
      const { planBuild } = await import("../../driver/plan/plan.ts");
      const plan = await planBuild({ ...options, file, memory: sizeOf("--memory", memory) });
      plan.notices.forEach(shell.note);
      if (shards !== undefined && plan.shards !== shards)
        shell.note(`--shards ${shards} is more than there are variants: ${plan.shards}`);
      if (out === undefined) return shell.print(plan.text.trimEnd());
      const { writeWhole } = await import("../../driver/artifact-files.ts");
      writeWhole(out, plan.text);
      shell.log(`${out}: ${counted(plan.variants, "variant")}`);
    });
