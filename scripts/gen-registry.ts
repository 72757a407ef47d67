/**
 * Writes the shipped registry (data/architectures.json, aliases.json, pretrained/, results.json) from an export of
 * timm. Run it after an update of timm:
 *
 *     node scripts/gen-registry.ts pretrained_cfgs.json results.json TIMM/timm/models
 *
 * (Node 22.18 runs TypeScript as it is; for older versions compile this file with tsc first.)
 *
 * pretrained_cfgs.json: architecture -> { family, default_tag, tags: { tag: fields } }, tags in timm's queue order,
 * fields without timm's defaults, `url` only as true or false. results.json: model name -> accuracy and cost, see
 * `resultColumns`. The deprecated names are read from the `register_model_deprecations` calls of timm's sources.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Fields = Record<string, unknown>;
interface Architecture {
  readonly family: string;
  readonly default_tag: string;
  readonly tags: Readonly<Record<string, Fields>>;
}

const sizeColumns = ["img_size", "top1", "top5", "crop_pct", "interpolation", "gmacs", "macts_M"] as const;
const resultColumns = ["param_count_M", ...sizeColumns] as const;

const dataFolder = join(import.meta.dirname, "..", "data");

function main(cfgPath: string, resultPath: string, sourceFolder: string): void {
  const registry = readJson<Record<string, Architecture>>(cfgPath);
  const names = Object.keys(registry).sort(compareNatural);

  const architectures = names.map((name): [string, unknown] => {
    const { family, default_tag: tag } = at(registry, name);
    return [name, [family, tag]];
  });
  writeLines("architectures.json", architectures);
  writeLines("aliases.json", readAliases(sourceFolder, registry));

  rmSync(join(dataFolder, "pretrained"), { recursive: true, force: true });
  mkdirSync(join(dataFolder, "pretrained"), { recursive: true });
  for (const family of new Set(names.map((name) => at(registry, name).family))) {
    const members = names.filter((name) => at(registry, name).family === family);
    writeLines(
      `pretrained/${family}.json`,
      members.map((name) => [name, compactTags(name, at(registry, name).tags)]),
    );
  }

  const results = Object.entries(readJson<Record<string, Fields>>(resultPath));
  writeLines(
    "results.json",
    results.sort(([a], [b]) => compareNatural(a, b)).map(([name, row]) => [name, compactResult(row)]),
  );
}

/** Drops `url: false` and shortens the usual Hub id to timm's own `timm/`, which stands for `timm/ARCH[.TAG]`. */
function compactTags(architecture: string, tags: Readonly<Record<string, Fields>>): Fields {
  const compact = ([tag, { url, hf_hub_id: hub, ...fields }]: [string, Fields]): [string, Fields] => {
    const usualHub = `timm/${architecture}${tag === "" ? "" : `.${tag}`}`;
    const source: Fields = {};
    if (url === true) source["url"] = true;
    if (hub !== undefined) source["hf_hub_id"] = hub === usualHub ? "timm/" : hub;
    return [tag, { ...source, ...fields }];
  };
  return Object.fromEntries(Object.entries(tags).map(compact));
}

/** [param_count_M, ...size columns] followed by one row of size columns per further image size. */
function compactResult(row: Fields): unknown[] {
  const others = (row["other_sizes"] ?? []) as readonly Fields[];
  return [
    ...resultColumns.map((column) => row[column]),
    ...others.map((other) => sizeColumns.map((column) => other[column])),
  ];
}

/**
 * Deprecated names in order. A target whose tag does not exist in timm's own tables (`sam` for `sam_in1k`) is
 * repaired where exactly one tag of the architecture begins with it.
 */
function readAliases(folder: string, registry: Readonly<Record<string, Architecture>>): [string, string][] {
  const aliases: [string, string][] = [];
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".py"))) {
    const source = readFileSync(join(folder, file), "utf8");
    for (const [, body = ""] of source.matchAll(/register_model_deprecations\(__name__, \{(.*?)\}\)/gs)) {
      for (const [, alias = "", target = ""] of body.matchAll(/'([^']+)'\s*:\s*'([^']+)'/g)) {
        aliases.push([alias, existingTarget(alias, target, registry)]);
      }
    }
  }
  return aliases.sort(([a], [b]) => compareNatural(a, b));
}

function existingTarget(alias: string, target: string, registry: Readonly<Record<string, Architecture>>): string {
  const [name = "", tag] = target.split(".", 2);
  const tags = Object.keys(at(registry, name).tags);
  if (tag === undefined || tags.includes(tag)) return target;
  const [match, ...rest] = tags.filter((known) => known.startsWith(`${tag}_`));
  if (match === undefined || rest.length > 0) throw new Error(`${alias}: ${target} does not exist`);
  return `${name}.${match}`;
}

/** timm's order of names: runs of digits compare as numbers. */
function compareNatural(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.toLowerCase().split(/(\d+)/));
  for (const [index, x] of (left ?? []).entries()) {
    const y = right?.[index];
    if (y === undefined) return 1;
    if (x === y) continue;
    const difference = index % 2 === 1 ? Number(x) - Number(y) : 0;
    return difference === 0 ? (x < y ? -1 : 1) : difference;
  }
  return -1;
}

function at<T>(record: Readonly<Record<string, T>>, key: string): T {
  const value = record[key];
  if (value === undefined) throw new Error(`${key} is not in the export`);
  return value;
}

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;

/** One entry per line, so that a change of the registry is a readable diff. */
function writeLines(name: string, entries: readonly (readonly [string, unknown])[]): void {
  const lines = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  writeFileSync(join(dataFolder, name), `{\n${lines.join(",\n")}\n}\n`);
}

const [cfgPath, resultPath, sourceFolder] = process.argv.slice(2);
if (cfgPath === undefined || resultPath === undefined || sourceFolder === undefined) {
  throw new Error("usage: gen-registry.ts pretrained_cfgs.json results.json TIMM/timm/models");
}
main(cfgPath, resultPath, sourceFolder);
