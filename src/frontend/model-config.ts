import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import {
  cfgFieldNames,
  checkCfgFields,
  cleanedNotices,
  defaultCfg,
  labelNotices,
  showValue,
  type PretrainedCfg,
} from "./pretrained-cfg.ts";
import { printable } from "./printable.ts";
import { findName, unknownNameHint } from "./registry.ts";
import { didYouMean, nearNames, quote } from "./suggest.ts";

/** What timm's config.json says about a model. The source fields of `pretrainedCfg` are still as the file has them. */
export interface ModelConfig {
  /** A live architecture; a deprecated name in the file is already replaced. */
  readonly architecture: string;
  /** Constructor arguments by timm's names, not yet checked against the family's schema. */
  readonly modelArgs: Readonly<Record<string, unknown>>;
  readonly pretrainedCfg: PretrainedCfg;
  readonly numClasses: number;
  readonly notices: readonly string[];
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Far above any real file (an ImageNet-21k one with descriptions is 3 MB), far below what could exhaust memory. */
export const maxConfigBytes = 16 * 1024 * 1024;
const maxDepth = 32;
/** 21,841 classes with a name and a description have 65,523; each takes some hundred bytes once parsed. */
const maxValues = 500_000;

/** Unknown fields beyond these are only counted. */
const maxFieldNotices = 8;

/** Root values that take the place of the same field of `pretrained_cfg`. */
const rootFields = ["num_classes", "label_names", "label_descriptions"] as const;

/**
 * Reads timm's config.json in both of its forms: the present one with a `pretrained_cfg` object, whose fields root
 * values override, and the old flat one, which is itself the `pretrained_cfg` and calls the label names `labels`.
 * Where timm raises on an unknown field this gives a notice; null is "not given" everywhere.
 *
 * @param bytes The file, UTF-8.
 * @param place The file's name for messages.
 * @throws TimmcError `config`: what is wrong, at which key, and what belongs there.
 */
export function parseModelConfig(bytes: Uint8Array, place: string): ModelConfig {
  const refuse: Refuse = (message, hint) => {
    throw new TimmcError("config", message, { trail: [place], hint });
  };
  requireConfigSize(bytes.length, place);
  const root = parseObject(bytes, refuse);
  const architecture = readArchitecture(root, refuse);
  const { fields, prefix, modelArgs } = Object.hasOwn(root, "pretrained_cfg")
    ? splitNested(root, refuse)
    : splitFlat(root, refuse);
  const check = checkCfgFields(fields);
  const { accepted, unknown } = check;
  const [fault] = check.faults;
  if (fault !== undefined) refuse(prefix + fault);
  const cfg: PretrainedCfg = { ...defaultCfg, ...accepted, architecture: architecture.name };
  return {
    architecture: architecture.name,
    modelArgs,
    pretrainedCfg: cfg,
    numClasses: cfg.num_classes,
    notices: [
      ...architecture.notices,
      ...unknownFieldNotices(prefix, unknown),
      ...cleanedNotices(check, prefix),
      ...labelNotices(cfg, cfg.num_classes),
    ],
  };
}

/** The limit on the size of a config.json, for a check before it is read. */
export function requireConfigSize(size: number, place: string): void {
  if (size <= maxConfigBytes) return;
  throw new TimmcError("config", `the file has ${size} bytes; a model configuration has at most ${maxConfigBytes}`, {
    trail: [place],
  });
}

type Refuse = (message: string, hint?: string) => never;

function parseObject(bytes: Uint8Array, refuse: Refuse): JsonObject {
  const text = decode(bytes, refuse);
  const { depth, values } = measure(text);
  if (depth > maxDepth) refuse(`values are nested more than ${maxDepth} deep`);
  if (values > maxValues) refuse(`the file holds more than ${maxValues} values`);
  const root = parseJson(text, refuse);
  const infinite = findInfinite(root, "");
  if (infinite !== undefined) refuse(`${quote(infinite).slice(1, -1)} is too large for a number`);
  if (!isObject(root)) return refuse(`the file must hold an object, not ${showValue(root)}`);
  return root;
}

function decode(bytes: Uint8Array, refuse: Refuse): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse("the file is not UTF-8 text");
  }
}

function parseJson(text: string, refuse: Refuse): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    return refuse(`the file is not JSON: ${printable(messageOf(cause))}`, notJsonHint(text));
  }
}

function notJsonHint(text: string): string {
  if (text.startsWith("version https://git-lfs"))
    return "It is a pointer of Git LFS in place of the file: run git lfs pull.";
  if (/^\s*</.test(text)) return "It is a web page in place of the file: download the file itself.";
  if (/\b(?:NaN|Infinity)\b/.test(text))
    return "NaN and Infinity, which Python's json module writes, are not JSON: replace them by null or a number.";
  return "Mend it, or fetch it again in case it is damaged: timm writes config.json when it saves a model for the Hub.";
}

/**
 * Deepest nesting of brackets outside strings, and a number that the values do not exceed: each but the first follows a
 * comma or a bracket. Counted before anything recursive sees the text, and before the values take memory.
 */
function measure(text: string): { readonly depth: number; readonly values: number } {
  let values = 1;
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === "\\") at++;
      else if (character === '"') inString = false;
    } else if (character === '"') {
      inString = true;
    } else if (character === ",") {
      values++;
    } else if (character === "[" || character === "{") {
      values++;
      deepest = Math.max(deepest, ++depth);
    } else if (character === "]" || character === "}") {
      depth--;
    }
  }
  return { depth: deepest, values };
}

/** JSON.parse reads 1e999 as Infinity: the path of the first such number. */
function findInfinite(value: unknown, path: string): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : path || "the value";
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = findInfinite(item, path === "" ? key : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** As in timm a tag behind the architecture is tolerated and means nothing: the file itself is the configuration. */
function readArchitecture(root: JsonObject, refuse: Refuse): { name: string; notices: readonly string[] } {
  const value = given(root, "architecture");
  if (value === undefined) {
    return refuse(
      "the key architecture is missing",
      Object.hasOwn(root, "architectures")
        ? "This is a configuration of the transformers library; timm's names one timm architecture."
        : "Add the timm architecture that the weights belong to; it is never guessed.",
    );
  }
  if (typeof value !== "string") return refuse(`architecture must be a string, not ${showValue(value)}`);
  const [name = ""] = value.split(".", 1);
  const known = findName(name);
  if (known === undefined) return refuse(`timm has no architecture ${quote(name)}`, unknownNameHint(name));
  return { name: known.architecture, notices: known.notices };
}

interface Split {
  readonly fields: JsonObject;
  /** Where the fields lie, for messages. */
  readonly prefix: string;
  readonly modelArgs: JsonObject;
}

function splitNested(root: JsonObject, refuse: Refuse): Split {
  const nested = root["pretrained_cfg"];
  if (!isObject(nested)) return refuse(`pretrained_cfg must be an object, not ${showValue(nested)}`);
  const modelArgs = given(root, "model_args") ?? {};
  if (!isObject(modelArgs)) return refuse(`model_args must be an object, not ${showValue(modelArgs)}`);
  const overrides: JsonObject = Object.fromEntries(
    rootFields.filter((name) => given(root, name) !== undefined).map((name) => [name, root[name]]),
  );
  const [fault] = checkCfgFields(overrides).faults;
  if (fault !== undefined) refuse(fault);
  return { fields: { ...nested, ...overrides }, prefix: "pretrained_cfg.", modelArgs };
}

/** Dropping model_args would build another model than the file's author had, so here they are refused, as in timm. */
function splitFlat(root: JsonObject, refuse: Refuse): Split {
  if (given(root, "model_args") !== undefined) {
    refuse(
      "model_args needs a pretrained_cfg beside it: without one the file has timm's old flat form",
      'Add "pretrained_cfg": {} and move the fields of the weights into it.',
    );
  }
  const { architecture: _, num_features: __, labels, ...fields } = root;
  return { fields: labels === undefined ? fields : { ...fields, label_names: labels }, prefix: "", modelArgs: {} };
}

function unknownFieldNotices(prefix: string, names: readonly string[]): string[] {
  const notices = names.slice(0, maxFieldNotices).map((name) => {
    const near = didYouMean(nearNames(name, cfgFieldNames));
    const notice = `${quote(prefix + name)} is not a field that timmc knows: ignored`;
    return near === undefined ? notice : `${notice}. ${near}`;
  });
  const more = names.length - notices.length;
  return more === 0 ? notices : [...notices, `${more} more unknown fields: ignored`];
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The own value of a key; undefined where it is absent or null. */
const given = (object: JsonObject, key: string): unknown =>
  Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
