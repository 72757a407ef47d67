import { statSync } from "node:fs";
import { basename, dirname, extname, resolve } from "node:path";
import { didYouMean, nearNames, quote } from "../../frontend/suggest.ts";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { readBounded } from "../../runtime/read-file.ts";
import { configIssue, fieldSchemas, isConfig } from "./config-schema.ts";
import { plainData } from "./plain-data.ts";
import { type BuildConfig, type FieldName, axisOf, fieldNames } from "./variant.ts";

/** A configuration, and where it was read. */
export interface LoadedConfig {
  /** The file, absolute. */
  readonly file: string;
  /** What relative paths in it start from. */
  readonly folder: string;
  readonly config: BuildConfig;
}

/** The name that is taken where a folder is given, or nothing. */
export const configNames = ["timmc.config.ts", "timmc.config.js", "timmc.config.mjs", "timmc.config.json"] as const;

const modules = [".ts", ".mts", ".js", ".mjs"];
const maxConfigBytes = 4 * 2 ** 20;

/**
 * Reads a configuration: TypeScript, JavaScript or JSON. Throws TimmcError `io` where it cannot be read, `config` where it
 * is malformed or says what none can, with the key and the nearest names.
 */
export async function loadConfig(given: string): Promise<LoadedConfig> {
  const file = resolve(given);
  const status = statSync(file, { throwIfNoEntry: false });
  if (status?.isFile() !== true)
    throw new TimmcError("io", status === undefined ? "there is no such file" : "this is not a file", {
      trail: [given],
      hint: `Give the configuration of the build, such as ${configNames[0]}.`,
    });
  const value = await valueOf(file, given);
  return { file, folder: dirname(file), config: checkConfig(value, given) };
}

async function valueOf(file: string, given: string): Promise<unknown> {
  const ending = extname(file).toLowerCase();
  if (ending === ".json") return parseJson(file, given);
  if (!modules.includes(ending))
    throw new TimmcError("usage", `a configuration ends in ${[...modules, ".json"].join(", ")}`, { trail: [given] });
  const { loadModule } = await import("./load-module.ts");
  return loadModule(file);
}

function parseJson(file: string, given: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(readBounded(file, maxConfigBytes))) as unknown;
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    throw new TimmcError("config", `this is not JSON (${messageOf(error)})`, { trail: [given], cause: error });
  }
}

/** A value as a configuration. Throws TimmcError `config`. */
export function checkConfig(value: unknown, place: string): BuildConfig {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TimmcError("config", value === undefined ? "it exports no configuration" : "this is no configuration", {
      trail: [place],
      hint: 'A module says: export default defineConfig({ models: ["resnet50"] }).',
    });
  const data = plainData(value, [place]);
  refuseShape(data, place);
  if (isConfig(data)) return data;
  throw refusal(data, place);
}

/** `inputSizes: [3, 224, 224]` would be three squares. */
function refuseShape(data: unknown, place: string): void {
  const sizes = valueAt(data, ["inputSizes"]);
  if (!Array.isArray(sizes) || sizes.length !== 3 || !sizes.every((n) => typeof n === "number")) return;
  if (Number(sizes[0]) > 16) return;
  throw new TimmcError("config", `[${sizes.join(", ")}] are three square sizes`, {
    trail: [place, "inputSizes"],
    hint: `inputSizes is a list of sizes: write [[${sizes.join(", ")}]].`,
  });
}

/** The first thing that is wrong, as a person says it. */
function refusal(data: unknown, place: string): TimmcError {
  const issue = configIssue(data);
  const path = (issue?.path ?? []).map(String);
  const refused: Refused = (what, hint, at = path) => new TimmcError("config", what, { trail: [place, ...at], hint });
  if (issue?.code === "unrecognized_keys") return unknownKey(issue.keys[0] ?? "", path, refused);
  const [top = "", index, key] = path;
  const isEntry = (top === "include" || top === "exclude") && key !== undefined;
  const field = isEntry ? fieldNames.find((f) => f === key) : fieldNames.find((f) => axisOf[f] === top);
  if (field === undefined) return refused(issue?.message ?? "it does not fit");
  if (isEntry) return refusedValue(field, valueAt(data, [top, index ?? "", key]), refused, [top, index ?? "", key]);
  const value = valueAt(data, [top]);
  if (value === undefined) return refused(`it names no ${top}`, modelsHint, []);
  if (!Array.isArray(value)) return refusedValue(field, value, refused, [top]);
  if (value.length === 0)
    return refused("the list is empty", field === "model" ? modelsHint : `Leave ${top} out for its default.`, [top]);
  const wrong = value.findIndex((x) => !fieldSchemas[field].safeParse(x).success);
  return wrong < 0
    ? refused(issue?.message ?? "it does not fit", undefined, [top])
    : refusedValue(field, value[wrong], refused, [top, String(wrong)]);
}

const modelsHint = 'For example models: ["resnet50", "vit_tiny_*"].';

type Refused = (what: string, hint?: string, at?: readonly string[]) => TimmcError;

function refusedValue(field: FieldName, value: unknown, refused: Refused, at: readonly string[]): TimmcError {
  const schema = fieldSchemas[field];
  const issue = schema.safeParse(value).error?.issues[0];
  const choices = issue?.code === "invalid_value" ? issue.values.map(String) : [];
  const near = typeof value === "string" ? didYouMean(nearNames(value, choices, 2)) : undefined;
  return refused(`${shown(value)} is none: it takes ${schema.description}`, near, at);
}

const valueAt = (data: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined), data);

const shown = (value: unknown): string =>
  quote(JSON.stringify(value) ?? "undefined")
    .slice(1, -1)
    .replaceAll('\\"', '"');

/** Names that are near, or the other number of the same: `target` for `targets`. */
function unknownKey(key: string, path: readonly string[], refused: Refused): TimmcError {
  const isEntry = path[0] === "include" || path[0] === "exclude";
  const known: readonly string[] = isEntry
    ? fieldNames
    : [...fieldNames.map((f) => axisOf[f]), "include", "exclude", "$schema"];
  const other = fieldNames.find((f) => (isEntry ? axisOf[f] === key : f === key));
  const twin = other === undefined ? [] : [isEntry ? other : axisOf[other]];
  const near = [...new Set([...twin, ...nearNames(key, known, 2)])].slice(0, 2);
  return refused(
    `there is no key ${quote(key)}`,
    didYouMean(near) ?? `The keys are ${known.join(", ")}.`,
    path.filter((p) => p !== key),
  );
}

/** The configuration's file as a summary and a lock file call it. */
export const configName = ({ file }: Pick<LoadedConfig, "file">): string => basename(file);
