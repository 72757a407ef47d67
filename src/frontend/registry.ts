import { TimmcError } from "../ir/error.ts";
import { readDataFile } from "./data.ts";
import { globMatch } from "./glob.ts";
import { defaultCfg, type PretrainedCfg } from "./pretrained-cfg.ts";
import { didYouMean, nearNames, quote } from "./suggest.ts";

/** A model name that exists: `tag` is "" for an architecture without tags. */
export interface ResolvedName {
  readonly architecture: string;
  readonly tag: string;
  readonly family: string;
  /** What the user should know, such as that the name is a deprecated alias. */
  readonly notices: readonly string[];
}

/** Accuracy and cost of a model at one image size, as published by timm; null where timm gives no number. */
export interface SizeBenchmark {
  readonly imgSize: number;
  /** ImageNet-1k validation accuracy in percent. */
  readonly top1: number | null;
  readonly top5: number | null;
  readonly cropPct: number;
  readonly interpolation: string;
  /** Multiply-accumulates in billions. */
  readonly gmacs: number | null;
  /** Activations in millions. */
  readonly mactsM: number | null;
}

export interface Benchmarks extends SizeBenchmark {
  /** Parameters in millions, rounded to 0.01. */
  readonly paramsM: number | null;
  readonly otherSizes: readonly SizeBenchmark[];
}

type ArchitectureRow = readonly [family: string, defaultTag: string];
type TagTable = Readonly<Record<string, Partial<PretrainedCfg>>>;
type SizeRow = readonly [
  imgSize: number,
  top1: number | null,
  top5: number | null,
  cropPct: number,
  interpolation: string,
  gmacs: number | null,
  mactsM: number | null,
];
type ResultRow = readonly [paramsM: number | null, ...main: SizeRow, ...others: SizeRow[]];

/** `value()` computed at the first call and kept. */
function lazy<T>(value: () => T): () => T {
  let kept: { readonly value: T } | undefined;
  return () => (kept ??= { value: value() }).value;
}

/** Maps, not plain objects: names come from users, and `constructor` is no architecture. */
const table = <T>(file: string): (() => ReadonlyMap<string, T>) =>
  lazy(() => new Map(Object.entries(readDataFile<Readonly<Record<string, T>>>(file))));

const architectures = table<ArchitectureRow>("architectures.json");
const aliases = table<string>("aliases.json");
const results = table<ResultRow>("results.json");

/** Every live architecture (1,302) in timm's order; deprecated names are left out, as in timm. */
export const listArchitectures = (): readonly string[] => [...architectures().keys()];

/** Every deprecated name and the `architecture.tag` or `architecture` that it stands for. */
export const listAliases = (): ReadonlyMap<string, string> => aliases();

/** The families (timm's module names), sorted. */
export const listFamilies = (): readonly string[] =>
  [...new Set([...architectures().values()].map(([family]) => family))].sort();

/** @throws TimmcError `usage` for an unknown architecture. */
export const familyOf = (architecture: string): string => rowOf(architecture)[0];

/** The architecture's tags, the default first; `[""]` where it has none. */
export const pretrainedTags = (architecture: string): readonly string[] => Object.keys(tagsOf(architecture));

/**
 * The full pretrained configuration of a registered pair: timm's defaults under the entry's own fields.
 *
 * @throws TimmcError `usage` for an unknown architecture or tag.
 */
export function pretrainedCfg(architecture: string, tag: string): PretrainedCfg {
  const tags = tagsOf(architecture);
  const fields = Object.hasOwn(tags, tag) ? tags[tag] : undefined;
  if (fields === undefined) throw unknownTag(architecture, tag);
  const name = modelName(architecture, tag);
  const cfg = { ...defaultCfg, ...fields, architecture, tag: tag === "" ? null : tag };
  return cfg.hf_hub_id === "timm/" ? { ...cfg, hf_hub_id: `timm/${name}` } : cfg;
}

/**
 * The registry's configuration of weights, undefined where it has none from this repository, `ORG/NAME[@REVISION]`. A tag
 * alone is no proof: fine-tuned weights in a folder or another repository keep the one that they began with.
 */
export function registeredCfg(architecture: string, tag: string, hubId: string | null): PretrainedCfg | undefined {
  if (!pretrainedTags(architecture).includes(tag)) return undefined;
  const cfg = pretrainedCfg(architecture, tag);
  return cfg.hf_hub_id === (hubId?.split("@", 1)[0] ?? null) ? cfg : undefined;
}

/** timm's spelling of a pair: `resnet50.a1_in1k`, or the architecture alone. */
export const modelName = (architecture: string, tag: string): string =>
  tag === "" ? architecture : `${architecture}.${tag}`;

/**
 * The registered pair behind a name. A deprecated name gives its architecture and, unless `tag` says otherwise, its
 * tag; without either, the architecture's default tag.
 *
 * @throws TimmcError `usage`: an unknown name with the nearest ones, an unknown tag with the architecture's tags.
 */
export function resolveName(name: string, tag?: string): ResolvedName {
  const known = findName(name);
  if (known === undefined) {
    throw new TimmcError("usage", `timm has no architecture ${quote(name)}`, { hint: unknownNameHint(name) });
  }
  const { architecture, family, notices } = known;
  const wanted = tag === undefined || tag === "" ? known.tag : tag;
  if (!Object.hasOwn(tagsOf(architecture), wanted)) throw unknownTag(architecture, wanted);
  return { architecture, tag: wanted, family, notices };
}

/** The same for a name alone; undefined where it is neither an architecture nor a deprecated name. */
export function findName(name: string): ResolvedName | undefined {
  const row = architectures().get(name);
  if (row !== undefined) return { architecture: name, tag: row[1], family: row[0], notices: [] };
  const target = aliases().get(name);
  if (target === undefined) return undefined;
  const [architecture = "", aliasTag] = target.split(".");
  const [family, defaultTag] = rowOf(architecture);
  const notice = `${quote(name)} is a deprecated name that timm maps to ${quote(target)}`;
  return { architecture, tag: aliasTag ?? defaultTag, family, notices: [notice] };
}

/** What to write instead of a name that does not exist. */
export const unknownNameHint = (name: string): string =>
  didYouMean([...new Set([...dottedNames(name), ...nearNames(name, architectures().keys())])].slice(0, 5)) ??
  "timmc list prints every architecture.";

/** Names of which the dot before the tag was written as something else: `resnet50_a1_in1k`. */
function dottedNames(name: string): string[] {
  return [...name.matchAll(/[_-]/g)].flatMap(({ index }) => {
    const known = findName(name.slice(0, index));
    const tag = name.slice(index + 1);
    return known !== undefined && Object.hasOwn(tagsOf(known.architecture), tag)
      ? [modelName(known.architecture, tag)]
      : [];
  });
}

/** timm's published numbers for `architecture.tag` (or a tagless architecture); undefined where it has none. */
export function benchmarks(name: string): Benchmarks | undefined {
  const row = results().get(name);
  if (row === undefined) return undefined;
  const [paramsM, imgSize, top1, top5, cropPct, interpolation, gmacs, mactsM, ...others] = row;
  const main = sizeBenchmark([imgSize, top1, top5, cropPct, interpolation, gmacs, mactsM]);
  return { paramsM, ...main, otherSizes: others.map(sizeBenchmark) };
}

/**
 * Whether a pattern of `list` selects a pair, by timm's rule (`list_models`): a pattern without a tag part is tried
 * as it is and with `.*` behind it, each against the whole name.
 */
export function matchesFilter(pattern: string, architecture: string, tag: string): boolean {
  const name = modelName(architecture, tag);
  const [base = "", ...tagParts] = pattern.split(".");
  const hasTagPart = tagParts.join(".") !== "";
  return globMatch(pattern, name) || (!hasTagPart && globMatch(`${base}.*`, name));
}

function sizeBenchmark([imgSize, top1, top5, cropPct, interpolation, gmacs, mactsM]: SizeRow): SizeBenchmark {
  return { imgSize, top1, top5, cropPct, interpolation, gmacs, mactsM };
}

function rowOf(architecture: string): ArchitectureRow {
  const row = architectures().get(architecture);
  if (row !== undefined) return row;
  throw new TimmcError("usage", `timm has no architecture ${quote(architecture)}`, {
    hint: unknownNameHint(architecture),
  });
}

function tagsOf(architecture: string): TagTable {
  const [family] = rowOf(architecture);
  const members = readDataFile<Readonly<Record<string, TagTable>>>(`pretrained/${family}.json`);
  return members[architecture] ?? {};
}

function unknownTag(architecture: string, tag: string): TimmcError {
  const tags = pretrainedTags(architecture).filter((known) => known !== "");
  const near = didYouMean(nearNames(tag, tags, 3));
  const all =
    tags.length === 0 ? `It has none: write ${quote(architecture)} alone.` : `Its tags are ${tags.join(", ")}.`;
  return new TimmcError("usage", `${architecture} has no pretrained tag ${quote(tag)}`, {
    hint: near === undefined ? all : `${near} ${all}`,
  });
}
