import { supportedOpsets } from "../backends/onnx/model.ts";
import { didYouMean, nearNames, quote } from "../frontend/suggest.ts";
import type { HubAccess } from "../frontend/hub/model.ts";
import { tapFormats } from "../frontend/tap-names.ts";
import type { ModelRequest } from "../frontend/resolve.ts";
import { TimmcError } from "../ir/error.ts";
import type { ActivationsRequest } from "./activations.ts";
import type { BuildOptions } from "./build/library.ts";
import type { CalibrateRequest } from "./calibrate/calibrate.ts";
import { calibratedPrecisions, methods } from "./calibrate/method.ts";
import type { CompileRequest } from "./compile.ts";
import type { DoctorRequest } from "./doctor.ts";
import type { FormRequest } from "./forms.ts";
import type { InspectRequest, IrRequest } from "./inspect.ts";
import { layouts } from "./layout/layout.ts";
import type { LowerRequest } from "./lower-request.ts";
import type { ImageRunOptions } from "./run.ts";
import { precisions } from "../passes/precision/precision.ts";
import { targetNames } from "./target/names.ts";
import type { VerifyOptions } from "./verify.ts";

/**
 * What requests of the library may hold, for callers without a type checker: a misspelled key would otherwise be passed
 * over, and a wrong value end deep inside. Every check throws TimmcError `usage` that names the key and what it takes.
 */

/** What one key takes. */
interface Kind {
  /** For people, after "it takes". */
  readonly takes: string;
  readonly fits: (value: unknown) => boolean;
  readonly required?: boolean;
  readonly hint?: string;
}

type Fields<T> = { readonly [K in keyof Required<T>]: Kind };

const isObject = (v: unknown): v is object => typeof v === "object" && v !== null && !Array.isArray(v);
const isText = (v: unknown): boolean => typeof v === "string" && v !== "";
const isTexts = (v: unknown): boolean => Array.isArray(v) && v.every((x) => typeof x === "string");
const isCount = (v: unknown): boolean => Number.isSafeInteger(v) && Number(v) >= 1;
const isSize = (v: unknown): boolean => Array.isArray(v) && v.length === 2 && v.every(isCount);

const either = (names: readonly string[]): string =>
  names
    .map(quote)
    .join(", ")
    .replace(/, ([^,]*)$/, " or $1");

const oneOf = (names: readonly string[]): Kind => ({
  takes: either(names),
  fits: (v) => typeof v === "string" && names.includes(v),
});

const text = (takes: string): Kind => ({ takes, fits: isText });
const list = (takes: string): Kind => ({ takes, fits: isTexts });
const flag: Kind = { takes: "true or false", fits: (v) => typeof v === "boolean" };
const object = (takes: string): Kind => ({ takes, fits: isObject });
const callback: Kind = { takes: "a function", fits: (v) => typeof v === "function" };
const required = (kind: Kind): Kind => ({ ...kind, required: true });

const folder = text("the path of a folder");
const level = oneOf(["O0", "O1", "O2"]);
const passes: Kind = {
  takes: "a list of the names of passes, or null for the level's",
  fits: (v) => v === null || isTexts(v),
  hint: "The empty list runs no passes.",
};
const weights: Kind = {
  takes: `"pretrained", "synthetic", "none" or { file: "PATH" }`,
  fits: (v) =>
    v === "pretrained" ||
    v === "synthetic" ||
    v === "none" ||
    (isObject(v) && Object.keys(v).length === 1 && "file" in v && isText(v.file)),
};

const watch = {
  signal: { takes: "an AbortSignal", fits: (v: unknown) => v instanceof AbortSignal },
  progress: callback,
};

const hubFields: Fields<HubAccess> = { ...watch, cacheDir: folder, note: callback };

const modelFields: Fields<ModelRequest> = {
  model: required(text("the name of a model, such as resnet50, hf-hub:ORG/NAME or local-dir:FOLDER")),
  args: object("an object of timm's arguments"),
  inputSize: {
    takes: "[channels, height, width], each at least 1",
    fits: (v) => Array.isArray(v) && v.length === 3 && v.every(isCount),
  },
  useTestSize: flag,
  cfg: object("an object of fields of the pretrained configuration"),
  ...hubFields,
};

const lowerFields: Fields<LowerRequest> = {
  ...modelFields,
  taps: list("a list of the names of taps"),
  tapFormat: oneOf(tapFormats),
  tapNorm: flag,
  softmax: flag,
  batch: { takes: `"dynamic" or an integer of at least 1`, fits: (v) => v === "dynamic" || isCount(v) },
  preprocess: flag,
  dynamicSize: {
    takes: "true or an integer from 1 to 65536, of which height and width are multiples",
    fits: (v) => v === true || (isCount(v) && Number(v) <= 65_536),
  },
};

const formFields: Fields<FormRequest> = {
  target: oneOf(targetNames),
  precision: oneOf(precisions),
  opset: {
    takes: `an integer from ${supportedOpsets[0]} to ${supportedOpsets.at(-1)}`,
    fits: (v) => typeof v === "number" && supportedOpsets.includes(v),
  },
  onnxOps: oneOf(["standard", "ort"]),
  calibration: object("what readCalibration gives"),
  tiles: object("an object of tiles by the shapes of kernels"),
};

const compileFields: Fields<CompileRequest> = {
  ...lowerFields,
  ...formFields,
  out: required(folder),
  maxError: { takes: "a number above 0", fits: (v) => typeof v === "number" && v > 0 },
  weights,
  pinned: object("a Hub repository and a commit, { id, commit }"),
  optimization: level,
  layout: oneOf(layouts),
  sizes: {
    takes: "a list of [height, width], each at least 1",
    fits: (v) => Array.isArray(v) && v.every(isSize),
  },
  passes,
  observers: { takes: "a list of observers", fits: (v) => Array.isArray(v) && v.every(isObject) },
};

const calibrateFields: Fields<CalibrateRequest> = {
  ...lowerFields,
  opset: formFields.opset,
  onnxOps: formFields.onnxOps,
  pictures: required(list("a list of paths of pictures and folders")),
  out: required(text("the path of a file")),
  weights,
  optimization: level,
  passes,
  precision: oneOf(calibratedPrecisions),
  method: oneOf(methods),
  percentile: { takes: "a number above 50 and at most 100", fits: (v) => typeof v === "number" && v > 50 && v <= 100 },
  samples: { takes: "an integer of at least 2", fits: (v) => isCount(v) && v !== 1 },
};
const doctorFields: Fields<DoctorRequest> = { ...lowerFields, weights };
const activationsFields: Fields<ActivationsRequest> = {
  ...lowerFields,
  weights,
  images: required(list("a list of paths of pictures")),
};
const irFields: Fields<IrRequest> = { ...formFields, optimization: level, passes, after: text("the name of a pass") };
const kernelsFields: Fields<NonNullable<InspectRequest["kernels"]>> = {
  optimization: level,
  passes,
  precision: formFields.precision,
  tiles: formFields.tiles,
};
const inspectFields: Fields<InspectRequest> = {
  ...lowerFields,
  kernels: object("an object with the passes to run"),
  target: oneOf(targetNames),
  ir: object("an object with what to print"),
  paramGroups: flag,
};
const verifyFields: Fields<VerifyOptions> = {
  ...hubFields,
  model: text("local-dir:FOLDER"),
  weights: text("the path of a weight file"),
  calibration: text("the path of a calibration file"),
};
const count: Kind = { takes: "an integer of at least 1", fits: isCount };
const buildFields: Fields<BuildOptions> = {
  ...hubFields,
  out: required(folder),
  folder,
  jobs: count,
  memory: { takes: "bytes, an integer of at least 1", fits: isCount },
  only: list("a list of patterns of names"),
  shard: {
    takes: "{ index, of }, with index from 1 to of",
    fits: (v) => isObject(v) && "index" in v && "of" in v && isCount(v.index) && Number(v.index) <= Number(v.of),
  },
  cache: { takes: "the path of a folder, or false", fits: (v) => v === false || isText(v) },
  verify: flag,
  bench: flag,
  frozen: flag,
  updateLock: oneOf(["all", "local"]),
  lock: flag,
  ended: callback,
};
const runFields: Fields<ImageRunOptions> = {
  ...watch,
  note: callback,
  top: count,
  size: { takes: "[height, width], each at least 1", fits: isSize },
};

/** Keys that users of other tools reach for, where no spelling is near. */
const synonyms: Readonly<Record<string, string>> = {
  level: "optimization",
  outDir: "out",
  name: "model",
  ops: "onnxOps",
};

/** Checks the keys of an object and their values; a key that is absent or undefined is "not given". */
function check(place: readonly string[], fields: Readonly<Record<string, Kind>>, request: unknown): void {
  if (!isObject(request))
    throw refused(
      place,
      `it takes an object, not ${shown(request)}`,
      `Its keys are ${Object.keys(fields).join(", ")}.`,
    );
  for (const [key, value] of Object.entries(request)) {
    const kind = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (kind === undefined) throw unknownKey(place, fields, key);
    if (value !== undefined) checkValue(place, key, kind, value);
  }
  for (const [key, { required: isNeeded = false, takes }] of Object.entries(fields)) {
    const value: unknown = Object.entries(request).find(([name]) => name === key)?.[1];
    if (isNeeded && value === undefined) throw refused(place, `${key} is missing; it takes ${takes}`);
  }
}

function checkValue(place: readonly string[], key: string, { fits, takes, hint }: Kind, value: unknown): void {
  if (!fits(value)) throw refused(place, `${key} is ${shown(value)}; it takes ${takes}`, hint);
}

function unknownKey(place: readonly string[], fields: Readonly<Record<string, Kind>>, key: string): TimmcError {
  const synonym = synonyms[key];
  const near =
    synonym !== undefined && Object.hasOwn(fields, synonym) ? [synonym] : nearNames(key, Object.keys(fields), 1);
  return refused(
    place,
    `there is no key ${quote(key)}`,
    didYouMean(near) ?? `The keys are ${Object.keys(fields).join(", ")}.`,
  );
}

const refused = (trail: readonly string[], what: string, hint?: string): TimmcError =>
  new TimmcError("usage", what, { trail, hint });

/** A value from outside, as a message shows it. */
function shown(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return `the list ${quote(JSON.stringify(value)).slice(1, -1).replaceAll('\\"', '"')}`;
  if (isObject(value)) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}

/** Gives the request back, checked. */
const checked =
  <T>(name: string, fields: Fields<T>) =>
  (request: T): T => {
    check([name], fields, request);
    return request;
  };

export const checkResolve = checked("resolve", modelFields);
export const checkLower = checked("lower", lowerFields);
export const checkCalibrate = checked("calibrate", calibrateFields);
export const checkCompile = checked("compile", compileFields);
export const checkActivations = checked("activations", activationsFields);
export const checkDoctor = checked("doctor", doctorFields);
export const checkBuild = checked("build", buildFields);

export function checkInspect(request: InspectRequest): InspectRequest {
  check(["inspect"], inspectFields, request);
  if (request.ir !== undefined) check(["inspect", "ir"], irFields, request.ir);
  if (request.kernels !== undefined) check(["inspect", "kernels"], kernelsFields, request.kernels);
  return request;
}

export function checkOptimize(optimization: unknown, asked: unknown, forms: unknown): void {
  checkValue(["optimize"], "the level", level, optimization);
  if (asked !== undefined) checkValue(["optimize"], "the list of passes", passes, asked);
  check(["optimize"], formFields, forms);
}

/** Checks the folder of an artifact and, where they are given, what else the function takes. */
export const checkFolder = (name: string, path: unknown): void => checkValue([name], "the folder", folder, path);

export function checkVerify(path: unknown, options: unknown): void {
  checkFolder("verify", path);
  check(["verify"], verifyFields, options);
}

export function checkRun(path: unknown, images: unknown, options: unknown): void {
  checkFolder("run", path);
  checkValue(["run"], "images", list("a list of paths"), images);
  check(["run"], runFields, options);
}
