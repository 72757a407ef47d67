import { counted } from "../frontend/counted.ts";
import type { VariantEnd } from "../driver/build/build.ts";
import type { BuildSummary, VariantSummary } from "../driver/build/summary.ts";
import type { Expansion } from "../driver/build/variant.ts";
import type { Colors } from "./shell.ts";
import { type Column, table } from "./table.ts";
import { byteQuantity, quantity } from "./units.ts";

/** The line that says how a variant ended: `[12/200] NAME built in 1.2 s`. */
export function endLine({ summary, done, of }: VariantEnd, colors: Colors): string {
  const { name, state, origin, seconds, failure } = summary;
  const head = `[${String(done).padStart(String(of).length)}/${of}] ${name}`;
  if (state === "failed") return `${head} ${colors.red("failed")}: ${failure?.message ?? ""}`;
  if (state === "missing") return `${head} stopped`;
  if (origin === "kept") return `${head} is up to date`;
  return origin === "cached" ? `${head} cached` : `${head} built in ${(seconds ?? 0).toFixed(1)} s`;
}

interface SummaryColumn extends Column {
  readonly text: (variant: VariantSummary) => string;
  /** Left out where no variant has it. */
  readonly optional?: boolean;
}

const none = "-";
const right = "right" as const;

const columns: readonly SummaryColumn[] = [
  { title: "variant", text: (v) => v.name },
  { title: "target", text: (v) => v.target },
  { title: "precision", text: (v) => v.precision },
  { title: "size", align: right, text: ({ artifact }) => (artifact === null ? none : byteQuantity(artifact.bytes)) },
  { title: "MACs", align: right, text: ({ artifact }) => (artifact === null ? none : quantity(artifact.macs)) },
  { title: "params", align: right, text: ({ artifact }) => (artifact === null ? none : quantity(artifact.params)) },
  {
    title: "error",
    align: right,
    optional: true,
    text: ({ verification }) => verification?.error_of_std?.toExponential(1) ?? none,
  },
  {
    title: "top-1 as fp32",
    align: right,
    optional: true,
    text: ({ top1_agreement: share }) => (share === null ? none : `${(100 * share).toFixed(1)} %`),
  },
  { title: "p50 ms", align: right, optional: true, text: ({ latency }) => latency?.p50_ms.toFixed(2) ?? none },
  { title: "s", align: right, text: ({ seconds }) => seconds?.toFixed(1) ?? none },
  { title: "state", text: ({ state, origin }) => (state === "complete" ? (origin ?? state) : state) },
];

/** The table of a build, what failed and why, and one line of sums. */
export function summaryLines(summary: BuildSummary, colors: Colors): string[] {
  const { variants, counts, bytes, seconds } = summary;
  const shown = columns.filter((c) => c.optional !== true || variants.some((v) => c.text(v) !== none));
  const [head = "", ...rows] = table(
    shown,
    variants.map((variant) => shown.map(({ text }) => text(variant))),
  );
  const failures = variants.flatMap(({ name, failure }) => (failure === null ? [] : [[name, failure] as const]));
  return [
    colors.bold(head),
    ...rows,
    ...(failures.length === 0 ? [] : ["", colors.bold(`${counted(failures.length, "variant")} failed`)]),
    ...failures.flatMap(([name, { message, hint }]) => [
      `${name}: ${message}`,
      ...(hint === null ? [] : [`  ${hint.replaceAll("\n", "\n  ")}`]),
    ]),
    "",
    `${counted(counts.variants, "variant")}: ${[
      `${counts.built ?? 0} built`,
      `${counts.cached ?? 0} cached`,
      `${counts.kept ?? 0} up to date`,
      `${counts.failed} failed`,
    ].join(", ")}; ${byteQuantity(bytes)}, ${(seconds ?? 0).toFixed(1)} s`,
  ];
}

/** What a configuration stands for, and what of the matrix is no variant. */
export function expansionLines(
  { variants, leftOut, notices }: Expansion,
  chosen: ReadonlySet<string>,
  colors: Colors,
): string[] {
  const [head = "", ...rows] = table(
    [{ title: "variant" }, { title: "model" }, { title: "target" }, { title: "precision" }, { title: "to build" }],
    variants.map(({ name, fields }) => [
      name,
      fields.model,
      fields.target ?? "onnx",
      fields.precision ?? "fp32",
      chosen.has(name) ? "yes" : "no",
    ]),
  );
  const left = leftOut.map(({ fields: { model, ...rest }, why, reason }) => {
    const others = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return `${why}: ${[model, ...others].join(" ")} (${reason})`;
  });
  const counts = [counted(variants.length, "variant"), `${chosen.size} to build`];
  if (leftOut.length > 0) counts.push(`${leftOut.length} of the matrix left out`);
  return [
    colors.bold(head),
    ...rows,
    ...(left.length === 0 ? [] : ["", ...left]),
    ...notices.map((notice) => `${colors.yellow("note:")} ${notice}`),
    "",
    counts.join(", "),
  ];
}
