import { type TokenClass, type TokenMeaning, tokenMeaning } from "./tokens.ts";

/** A piece of a tag between underscores. */
interface TagToken {
  readonly text: string;
  readonly class: TokenClass | "unknown";
  /** In words. */
  readonly meaning: string;
  /** False for unknown tokens, and for known ones that nobody has explained. */
  readonly documented: boolean;
  /** Where the text stands in the tag: from `start`, up to but without `end`. */
  readonly start: number;
  readonly end: number;
}

/** One training after the other. */
export interface TrainingStage {
  readonly kind: "pretrain" | "finetune" | "linear";
  /** Tokens of the images and label sets, in the tag's order; empty where the tag does not say. */
  readonly datasets: readonly string[];
  /** Pixels per side, where the tag says. */
  readonly resolution?: number;
}

/** What a pretrained tag says. */
export interface ParsedTag {
  readonly tag: string;
  /** Joined by underscores they are the tag. */
  readonly tokens: readonly TagToken[];
  readonly org?: string;
  readonly objectives: readonly string[];
  /** Data sets other than label sets. */
  readonly data: readonly string[];
  readonly recipes: readonly string[];
  /** In order; none where there is no tag or it says that there are no weights. */
  readonly stages: readonly TrainingStage[];
  /** Whether the weights were distilled from a teacher, by `dist` or `distilled`. */
  readonly distilled: boolean;
  readonly epochs?: number;
  /** Pixels per side of the input that the weights are for: a size at the tag's end, or else the last `rN`. */
  readonly resolution?: number;
  readonly version?: string;
  /** Tokens that no rule knows. They are kept, and mean nothing to the fields above. */
  readonly unknown: readonly string[];
}

interface Read {
  readonly token: TagToken;
  readonly value: number | undefined;
  readonly version: string | undefined;
}

const unknownToken: Pick<TokenMeaning, "meaning" | "documented"> = { meaning: "unknown token", documented: false };

/** Parses any text as a tag: whatever it is, the tokens joined by underscores are the text again, and nothing throws. */
export function parseTag(tag: string): ParsedTag {
  const read = readTokens(tag);
  const texts = (kind: TokenClass | "unknown"): string[] =>
    read.filter(({ token }) => token.class === kind).map(({ token }) => token.text);
  const value = (kind: TokenClass): number | undefined => read.findLast(({ token }) => token.class === kind)?.value;
  const version = read.find((t) => t.version !== undefined)?.version;
  const [org] = texts("organisation");
  const [epochs, resolution] = [value("epochs"), value("resolution")];
  return {
    tag,
    tokens: read.map(({ token }) => token),
    ...(org === undefined ? {} : { org }),
    objectives: texts("objective"),
    data: texts("data"),
    recipes: texts("recipe"),
    stages: stagesOf(read),
    distilled: read.some(({ token }) => token.text === "dist" || token.text === "distilled"),
    ...(epochs === undefined ? {} : { epochs }),
    ...(resolution === undefined ? {} : { resolution }),
    ...(version === undefined ? {} : { version }),
    unknown: texts("unknown"),
  };
}

function readTokens(tag: string): Read[] {
  if (tag === "") return [];
  const texts = tag.split("_");
  let start = 0;
  return texts.map((text, i) => {
    const meaning = tokenMeaning(text, i === texts.length - 1);
    const place = { start, end: start + text.length };
    start = place.end + 1;
    const { documented, meaning: words } = meaning ?? unknownToken;
    const token = { text, class: meaning?.class ?? "unknown", meaning: words, documented, ...place } as const;
    return { token, value: meaning?.value, version: meaning?.version };
  });
}

/**
 * What stands before `ft` (or `lc`) is one training; each label set behind it is one more, in order, and a fine-tuning
 * that names none is one too. Without `ft`, several data sets are one training on all of them. A bare size at the end
 * belongs to the last training, an `rN` to the one that it stands in.
 */
function stagesOf(read: readonly Read[]): TrainingStage[] {
  const texts = read.map(({ token }) => token.text);
  if (texts.length === 0 || texts.includes("untrained")) return [];
  const cut = texts.findIndex((text) => text === "ft" || text === "lc");
  const before = read.slice(0, cut < 0 ? undefined : cut);
  const first = stage("pretrain", datasetsOf(before), sizeOf(before));
  if (cut < 0) return [first];
  const after = read.slice(cut + 1);
  const kind = texts[cut] === "lc" ? "linear" : "finetune";
  const datasets = datasetsOf(after);
  const steps = datasets.length === 0 ? [[]] : datasets.map((dataset) => [dataset]);
  return [first, ...steps.map((step, i) => stage(kind, step, i === steps.length - 1 ? sizeOf(after) : undefined))];
}

const stage = (
  kind: TrainingStage["kind"],
  datasets: readonly string[],
  resolution: number | undefined,
): TrainingStage => ({ kind, datasets, ...(resolution === undefined ? {} : { resolution }) });

const datasetsOf = (read: readonly Read[]): string[] =>
  read.filter(({ token }) => token.class === "labels" || token.class === "data").map(({ token }) => token.text);

const sizeOf = (read: readonly Read[]): number | undefined =>
  read.findLast(({ token }) => token.class === "resolution")?.value;
