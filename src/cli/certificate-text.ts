import type { Certificate } from "../driver/certificate.ts";
import { counted } from "../frontend/counted.ts";
import { TimmcError } from "../ir/error.ts";
import type { Colors } from "./shell.ts";
import { table } from "./table.ts";

/** The measured errors of every output, and the verdict. */
export function certificateLines({ outputs, inputs, passed, agreement }: Certificate, colors: Colors): string[] {
  const isMeasured = outputs.some((o) => o.rms_of_std !== undefined);
  const number = (n: number | null): string => (n === null ? "-" : n.toExponential(1));
  const [head = "", ...rows] = table(
    [
      { title: "output" },
      { title: "max error", align: "right" },
      { title: isMeasured ? "RMS of std" : "of std", align: "right" },
      { title: "of budget", align: "right" },
      { title: "worst input" },
      { title: "result" },
    ],
    outputs.map((o) => [
      o.name,
      number(o.max_abs_error),
      number(o.rms_of_std ?? o.error_of_std),
      o.budget_used === null ? "-" : share(o.budget_used),
      o.worst_input,
      o.passed ? "passed" : `failed${o.problem === null ? "" : `: ${o.problem}`}`,
    ]),
  );
  const each = outputs.length === 1 ? "" : " each";
  const counts = `${counted(outputs.length, "output")} in ${counted(inputs.length, "comparison")}${each}`;
  const verdict = passed ? colors.green("passed") : colors.red("failed");
  const top =
    agreement === null || agreement === undefined
      ? ""
      : `; the first class is float32's for ${(100 * agreement.top1).toFixed(1)} % of ${counted(agreement.images, agreement.inputs === "pictures" ? "picture" : "synthetic input")}`;
  return [colors.bold(head), ...rows, "", `${verdict}: ${counts}${top}`];
}

/** A share of what is allowed; beyond all of it, how many times that. */
const share = (used: number): string =>
  used <= 1 ? `${(100 * used).toFixed(1)} %` : `${used < 1000 ? used.toPrecision(3) : used.toExponential(1)} times`;

/** A certificate that did not pass, as the failure of a command. */
export function certificateFailure(dir: string, { outputs, failure }: Certificate): TimmcError {
  if (failure?.stage === "rounding") return new TimmcError("numeric", failure.message, { trail: [dir] });
  const failed = outputs.filter((o) => !o.passed).map((o) => o.name);
  const what =
    failure?.stage === "manifest"
      ? "the manifest does not say what the artifact's source and request give"
      : failed.length === 0
        ? "the model file is not the manifest's"
        : `${failed.join(", ")} ${failed.length === 1 ? "exceeds its" : "exceed their"} budget`;
  return new TimmcError("numeric", what, { trail: [dir], hint: failure?.message });
}
