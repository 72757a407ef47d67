import { Command } from "commander";
import type { Certificate } from "../../driver/certificate.ts";
import { TimmcError } from "../../ir/error.ts";
import { jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";
import { table } from "../table.ts";

interface VerifyCommandOptions {
  readonly model?: string;
  readonly weights?: string;
  readonly json?: boolean;
}

export const verifyCommand = (shell: Shell): Command =>
  new Command("verify")
    .description("run an artifact against the unoptimised graph on several inputs, every output, and certify it")
    .argument("<dir>", "an artifact folder, from timmc compile")
    .option("--model <REF>", "the local folder that it was compiled from: local-dir:FOLDER")
    .option("--weights <FILE>", "the weight file that it was compiled from")
    .addOption(jsonOption("the certificate"))
    .action(async (dir: string, { json, ...source }: VerifyCommandOptions) => {
      const { verify } = await import("../../driver/verify.ts");
      const certificate = await verify(dir, { ...source, signal: shell.signal, progress: shell.status });
      if (json === true) shell.json(certificate);
      else shell.print(describe(certificate, shell.colors).join("\n"));
      if (!certificate.passed) throw failureOf(dir, certificate);
    });

function describe({ outputs, inputs, passed }: Certificate, colors: Shell["colors"]): string[] {
  const number = (n: number | null): string => (n === null ? "-" : n.toExponential(1));
  const [head = "", ...rows] = table(
    [
      { title: "output" },
      { title: "max error", align: "right" },
      { title: "of std", align: "right" },
      { title: "of budget", align: "right" },
      { title: "worst input" },
      { title: "result" },
    ],
    outputs.map((o) => [
      o.name,
      number(o.max_abs_error),
      number(o.error_of_std),
      o.budget_used === null ? "-" : `${(100 * o.budget_used).toFixed(1)} %`,
      o.worst_input,
      o.passed ? "passed" : `failed${o.problem === null ? "" : `: ${o.problem}`}`,
    ]),
  );
  const verdict = passed ? colors.green("passed") : colors.red("failed");
  return [colors.bold(head), ...rows, "", `${verdict}: ${outputs.length} outputs in ${inputs.length} comparisons`];
}

function failureOf(dir: string, { outputs, failure }: Certificate): TimmcError {
  const failed = outputs.filter((o) => !o.passed).map((o) => o.name);
  return new TimmcError(
    "numeric",
    `${failed.join(", ")} ${failed.length === 1 ? "exceeds its" : "exceed their"} budget`,
    {
      trail: [dir],
      hint: failure?.message,
    },
  );
}
