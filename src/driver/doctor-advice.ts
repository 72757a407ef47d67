import { counted } from "../frontend/counted.ts";
import { entriesOf } from "../frontend/weights/check.ts";
import { optionFor } from "../frontend/weights/diagnose/cause.ts";
import type { Diagnosis } from "./doctor-report.ts";

type Facts = Omit<Diagnosis, "summary" | "advice">;

const listed = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");

/** The verdict in a sentence. */
export function summaryOf({ verdict, parameters, taps, failure, unused }: Facts): string {
  const having = (status: string) => parameters.filter((p) => p.status === status);
  if (verdict === "loads") {
    const rest = unused.length === 0 ? "" : `; ${unused.length} of the file's entries are not used`;
    return `loads: all ${counted(parameters.length, "parameter")} of the model have values${rest}`;
  }
  if (verdict === "partly") {
    const withheld = having("withheld");
    const [can, cannot] = [taps.filter((t) => t.needs === null), taps.filter((t) => t.needs !== null)];
    const names = (list: Facts["taps"]): string => list.map((t) => t.name).join(", ");
    return [
      `loads, but for ${listed(withheld.map((p) => p.name))}: ${withheld[0]?.reason ?? ""}`,
      ...(can.length === 0 ? [] : [`the taps ${names(can)} compile`]),
      ...(cannot.length === 0 ? [] : [`${names(cannot)} cannot`]),
    ].join("; ");
  }
  const [missing, misshapen] = [having("missing").length, having("misshapen").length];
  if (missing + misshapen === 0)
    return `does not load: ${failure?.message ?? `${entriesOf(unused.length)} of the file ${unused.length === 1 ? "has" : "have"} no place in the model`}`;
  const needed = parameters.length - having("counter").length;
  return `does not load: ${missing} of ${counted(needed, "parameter")} missing, ${misshapen} of another shape or type`;
}

/** What to do, the most likely first. */
export function adviceOf(facts: Facts): string[] {
  if (facts.verdict !== "fails") return [...siblingAdvice(facts), ...partAdvice(facts)];
  const advice = [...prefixAdvice(facts), ...argumentAdvice(facts), ...siblingAdvice(facts), ...mappingAdvice(facts)];
  if (advice.length > 0) return advice;
  if (facts.failure !== null && facts.failure.hint !== null) return [facts.failure.hint];
  if (!facts.parameters.some((p) => p.status === "missing" || p.status === "misshapen"))
    return [
      "Every parameter has values, but the file is of more than this model: ask for the architecture and the arguments that it is of, or save it without the entries that are not used.",
    ];
  if (!facts.parameters.some((p) => p.status === "missing"))
    return [
      "The names are the model's, but no argument and no architecture of the family is known to give these shapes.",
    ];
  return [gapAdvice(facts)];
}

/** What a file that nothing explains has in common with the model. */
function gapAdvice({ parameters, unused }: Facts): string {
  const having = (status: string) => parameters.filter((p) => p.status === status);
  const missing = having("missing");
  const found = having("loads").length + having("withheld").length;
  if (found + having("misshapen").length === 0)
    return "The file and the model have no names in common: check that the file is of this family of models at all.";
  if (missing.length >= found)
    return "Nothing systematic was found: check that the file is of this family of models at all.";
  const more = unused.length === 0 ? "" : `, and has ${entriesOf(unused.length)} besides`;
  return `The file has the model's names but for ${listed(missing.map((p) => p.name))}${more}: check that it was saved whole, and the architecture and its arguments.`;
}

/** The argument that gives a withheld parameter the file's extent. */
function partAdvice({ parameters }: Facts): string[] {
  const held = parameters.find((p) => p.arg !== null);
  if (held === undefined) return [];
  const then =
    held.found === null ? `the model has no ${held.name}, as the file` : `${held.name} of the file loads too`;
  return [`With --arg ${held.arg} ${then}.`];
}

function prefixAdvice({ findings: { prefix, siblings } }: Facts): string[] {
  if (prefix === null) return [];
  const { change, prefix: text, rivals, missing, misshapen, open, layout } = prefix;
  const what = change === "off" ? `carry the prefix \`${text}\`: save them without it` : `lack the prefix \`${text}\``;
  const then = layout === null ? "" : `; then they are those of ${layout}`;
  const isWhole = missing + misshapen === 0 || siblings !== null;
  const rest = isWhole ? "" : `; then still ${missing} missing, ${misshapen} of another shape: ${listed(open)}`;
  const others = rivals.length === 0 ? "" : `; so do those under ${listed(rivals)}: choose one network of the file`;
  return [`The names of the file ${what}${then}${rest}${others}.`];
}

function argumentAdvice({ findings: { args }, weights }: Facts): string[] {
  return args.length === 0 ? [] : [`The shapes ask for ${args.map((arg) => optionFor(weights, arg)).join(" ")}.`];
}

function siblingAdvice({ findings: { siblings, prefix } }: Facts): string[] {
  if (siblings === null) return [];
  const { architectures, more, args, unused } = siblings;
  const beside = args.map((a) => ` --arg ${a}`).join("");
  const others = architectures.slice(1);
  const also = others.length === 0 ? "" : ` (also of ${listed(others)}${more > 0 ? ` and ${more} more` : ""})`;
  const but = unused === 0 ? "" : ` but for ${entriesOf(unused)}`;
  return [
    `${prefix === null ? "The file" : "Then the file"} has the names and shapes of ${architectures[0]}${also}${but}: ask for ${architectures[0]}${beside}.`,
  ];
}

function mappingAdvice({ findings: { mapping }, parameters }: Facts): string[] {
  if (mapping === null) return [];
  const cut =
    mapping.passedOver === 0
      ? []
      : [`${counted(mapping.passedOver, "name")} were not compared: the file has more than any model.`];
  if (mapping.templates.length === 0) return cut;
  const found = new Set(mapping.templates.flatMap((t) => t.pairs.flatMap((p) => p.to))).size;
  const missing = parameters.filter((p) => p.status === "missing").length;
  const isPart = parameters.some((p) => p.status === "loads" || p.status === "misshapen");
  const names = isPart ? "those names of the file that are not timm's" : "these names";
  return [
    `timmc knows no layout with ${names}; the closest mapping gives ${found} of the ${missing} missing parameters: where it is right, save the file under the model's names.`,
    ...cut,
  ];
}
