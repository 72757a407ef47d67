import { dataWords } from "../frontend/names/explain.ts";
import type { InputSize, PretrainedCfg } from "../frontend/pretrained-cfg.ts";
import { type Benchmarks, listArchitectures, pretrainedCfg, pretrainedTags } from "../frontend/registry.ts";
import { didYouMean, nearNames, quote } from "../frontend/suggest.ts";
import { TimmcError } from "../ir/error.ts";

/** Limits on rows of `list`; all that are given must hold, and a row without the number that a limit asks for is out, unless it is asked for. */
export interface ListConstraints {
  /** Millions of parameters at most. */
  readonly maxParams?: number | undefined;
  /** Billions of multiply-accumulates at most, at the published image size. */
  readonly maxGmacs?: number | undefined;
  /** Percent of ImageNet-1k's validation pictures at least. */
  readonly minTop1?: number | undefined;
  /** The configuration's input: its sides in pixels, or channels, height and width. */
  readonly inputSize?: number | InputSize | undefined;
  /** Any of these licences, in timm's spelling but in any case; `none` for weights without a stated one. */
  readonly licenses?: readonly string[] | undefined;
  /** Any of these words of names: data sets, label sets, objectives of the training, in any of its stages. */
  readonly data?: readonly string[] | undefined;
  /** Keeps the rows without the number that a limit asks for. */
  readonly orUnknown?: boolean | undefined;
}

/** What a constraint looks at. */
export interface Candidate {
  readonly architecture: string;
  readonly tag: string;
  readonly cfg: PretrainedCfg;
  readonly published: Benchmarks | undefined;
}

/**
 * The test that constraints make.
 *
 * @throws TimmcError `usage` for a licence or a word of data that no row has.
 */
export function rowFilter(constraints: ListConstraints): (row: Candidate) => boolean {
  const { maxParams, maxGmacs, minTop1, inputSize, licenses, data, orUnknown = false } = constraints;
  const within = (value: number | null | undefined, least: number | undefined, most: number | undefined): boolean =>
    least === undefined ||
    most === undefined ||
    (typeof value === "number" ? value >= least && value <= most : orUnknown);
  const wantedLicenses = licenses === undefined ? undefined : known(licenses, licensesOfAll(), "licence");
  const wantedData = data === undefined ? undefined : known(data, dataOfAll(), "data set or objective");
  return ({ architecture, tag, cfg, published }) =>
    within(published?.paramsM, 0, maxParams) &&
    within(published?.gmacs, 0, maxGmacs) &&
    within(published?.top1, minTop1, 100) &&
    (inputSize === undefined || hasSize(cfg.input_size, inputSize)) &&
    (wantedLicenses === undefined || wantedLicenses.includes(licenseWord(cfg))) &&
    (wantedData === undefined || hasAny(dataWords(architecture, tag), wantedData));
}

const hasSize = ([channels, height, width]: InputSize, wanted: number | InputSize): boolean =>
  typeof wanted === "number"
    ? height === wanted && width === wanted
    : channels === wanted[0] && height === wanted[1] && width === wanted[2];

const hasAny = (words: ReadonlySet<string>, wanted: readonly string[]): boolean =>
  wanted.some((word) => words.has(word));

const licenseWord = ({ license }: PretrainedCfg): string => license?.toLowerCase() ?? "none";

/** The wanted words in lower case; refuses one that is not among those that there are. */
function known(wanted: readonly string[], all: ReadonlySet<string>, what: string): string[] {
  return wanted.map((text) => {
    const word = text.toLowerCase();
    if (all.has(word)) return word;
    const names = [...all].toSorted();
    const near = didYouMean(nearNames(word, names, 3));
    const list = `It takes ${names.join(", ")}.`;
    throw new TimmcError("usage", `no model of timm has the ${what} ${quote(text)}`, {
      hint: near === undefined ? list : `${near} ${list}`,
    });
  });
}

const everyPair = (): (readonly [architecture: string, tag: string])[] =>
  listArchitectures().flatMap((architecture) =>
    pretrainedTags(architecture).map((tag) => [architecture, tag] as const),
  );

const licensesOfAll = (): ReadonlySet<string> =>
  new Set(everyPair().map((pair) => licenseWord(pretrainedCfg(...pair))));

const dataOfAll = (): ReadonlySet<string> => new Set(everyPair().flatMap((pair) => [...dataWords(...pair)]));
