import type { Certificate } from "../driver/certificate.ts";
import { TimmcError } from "../ir/error.ts";
import type { Colors } from "./shell.ts";
import { table } from "./table.ts";

/** The measured errors of every output, and the verdict. */
export function certificateLines({ outputs, inputs, passed }: Certificate, colors: Colors): string[] {
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

/** A certificate that did not pass, as the failure of a command. */
export function certificateFailure(dir: string, { outputs, failure }: Certificate): TimmcError {
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
