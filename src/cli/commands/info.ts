import { Command } from "commander";
import type { FamilyArgument } from "../../driver/family-arguments.ts";
import type { ModelInfo, PublishedResult } from "../../driver/info.ts";
import { nameAnatomy } from "../name-anatomy.ts";
import {
  type ModelOptions,
  hubAccessOf,
  jsonOption,
  modelArgument,
  modelRequestOf,
  withModelOptions,
} from "../options.ts";
import type { Shell } from "../shell.ts";
import { facts, table } from "../table.ts";
import { quantity } from "../units.ts";

export const infoCommand = (shell: Shell): Command =>
  withModelOptions(new Command("info"))
    .description(
      "what is known of a model without its weights: its name taken apart, configuration, preprocessing, licence, results",
    )
    .argument("<MODEL>", modelArgument)
    .addOption(jsonOption("the same facts"))
    .action(async (model: string, options: ModelOptions & { readonly json?: boolean }) => {
      const { info } = await import("../../driver/info.ts");
      const report = await info({ ...modelRequestOf(model, options), ...hubAccessOf(shell, options) });
      if (options.json === true) return shell.json(report);
      report.notices.forEach(shell.note);
      shell.print(describe(report, shell.colors).join("\n"));
    });

function describe(m: ModelInfo, colors: Shell["colors"]): string[] {
  const { definition: d, preprocessing: p } = m;
  const size = `${p.input_size.join(",")} (${m.fixed_input_size ? "fixed" : "free"})`;
  return [
    colors.bold(m.model),
    ...facts([
      ["architecture", m.architecture],
      ["tag", m.tag === "" ? "none" : m.tag],
      ["all tags", m.tags.join(", ") || "none"],
      ["family", d === null ? m.family : `${m.family}, ${d.paper}`],
      ["supported", m.reason === null ? "yes" : `no: ${m.reason}`],
      ...(d === null ? [] : [["parameters", quantity(d.params)] as const, ["MACs", quantity(d.macs)] as const]),
      ["classes", m.named_classes > 0 ? `${m.num_classes}, ${m.named_classes} named` : String(m.num_classes)],
      ["input size", size],
      ["mean", p.mean.join(", ")],
      ["std", p.std.join(", ")],
      ["resize", `${p.interpolation}, crop ${p.crop_pct} ${p.crop_mode}`],
      ["licence", licenceText(m)],
      ["Hub id", m.hub_id ?? "none"],
    ]),
    ...nameAnatomy(m.name, colors),
    ...publishedTable(m.published, colors),
    ...(d === null ? [] : argumentTable(d.arguments, colors)),
  ];
}

const kindWords: { readonly [K in ModelInfo["licence_kind"]]: string } = {
  permissive: "",
  "own-terms": ": terms of its own, read them before you use the weights",
  "non-commercial": ": no commercial use",
  unknown: "",
};

/** Nothing is assumed of weights whose licence nobody states. */
const licenceText = ({ licence, licence_kind }: ModelInfo): string =>
  licence_kind === "unknown" ? "unknown: nobody states one" : `${licence}${kindWords[licence_kind]}`;

function publishedTable(results: readonly PublishedResult[], colors: Shell["colors"]): string[] {
  if (results.length === 0) return [];
  const number = (n: number | null): string => n?.toFixed(2) ?? "-";
  const [head = "", ...rows] = table(
    [
      { title: "published at", align: "right" },
      { title: "top1", align: "right" },
      { title: "top5", align: "right" },
      { title: "GMACs", align: "right" },
      { title: "crop", align: "right" },
      { title: "interpolation" },
    ],
    results.map((r) => [
      String(r.img_size),
      number(r.top1),
      number(r.top5),
      number(r.gmacs),
      String(r.crop_pct),
      r.interpolation,
    ]),
  );
  return ["", colors.bold(head), ...rows];
}

function argumentTable(args: readonly FamilyArgument[], colors: Shell["colors"]): string[] {
  const [head = "", ...rows] = table(
    [{ title: "argument" }, { title: "value" }],
    args.filter((a) => !a.inert).map(({ name, value }) => [name, value === null ? "not given" : JSON.stringify(value)]),
  );
  return ["", colors.bold(head), ...rows];
}
