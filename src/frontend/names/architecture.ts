import { type ArchitectureWord, depthLine, numberWord, patterns, stems, words } from "./architecture-words.ts";

/** What a piece of an architecture's name is about. */
export type ArchitectureKind =
  | "line"
  | "size"
  | "patch"
  | "window"
  | "resolution"
  | "registers"
  | "pool"
  | "position"
  | "objective"
  | "norm"
  | "cardinality"
  | "stride"
  | "backbone"
  | "depth"
  | "origin"
  | "pruned"
  | "distilled"
  | "variant"
  | "other";

/** A piece of the name. Pieces do not overlap, stand in order, and cover the name but for the underscores between them. */
interface ArchitectureToken {
  readonly text: string;
  readonly kind: ArchitectureKind;
  /** In words; for kind `other`, that the piece is not explained. */
  readonly meaning: string;
  /** Where the text stands in the name: from `start`, up to but without `end`. */
  readonly start: number;
  readonly end: number;
}

/** What an architecture's name says, as far as names follow rules. */
export interface ParsedArchitecture {
  readonly architecture: string;
  readonly tokens: readonly ArchitectureToken[];
  /** The model line, such as `vit` or `resnet`. */
  readonly line: string;
  /** The size's word or letters, such as `base`, `xxlarge`, `so400m`. */
  readonly size?: string;
  /** Pixels per side of a patch. */
  readonly patch?: number;
  /** Tokens per side of an attention window; `from` where the window grew after pretraining. */
  readonly window?: { readonly size: number; readonly from?: number };
  /** Pixels per side of the input; `from` where it grew after pretraining. */
  readonly resolution?: { readonly size: number; readonly from?: number };
  readonly registers?: number;
  readonly pool?: string;
  readonly norm?: string;
  /** Groups of the grouped convolutions and channels in each. */
  readonly cardinality?: { readonly groups: number; readonly width: number };
  /** Training objectives that the architecture stands for, such as `clip`. */
  readonly objectives: readonly string[];
  /** Made for distillation: it has a token, or a head, for the teacher's answer. */
  readonly distilled: boolean;
  readonly pruned: boolean;
  /** TensorFlow's padding (SAME) and epsilon of batch norms (0.001). */
  readonly tensorflow: boolean;
}

/** Lines whose bare numbers are widths, depths or channels. */
const numbersAreNoSizes =
  /^(?:convmixer|fbnetc|ghostnet|lcnet|levit|(?:se|sp)?(?:mnasnet|nasnet)|(?:tf_)?mobilenetv[1-4]|mobilevitv2|regnet|repghostnet|resnetv2|rexnet)/;

/** Parses any text as an architecture's name: whatever it is, its pieces cover it, and nothing throws. */
export function parseArchitecture(architecture: string): ParsedArchitecture {
  const tokens = readPieces(architecture);
  const number = (kind: ArchitectureKind, pattern: RegExp): number | undefined => {
    const digits = pattern.exec(textOf(kind) ?? "")?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const textOf = (kind: ArchitectureKind): string | undefined => tokens.findLast((t) => t.kind === kind)?.text;
  const has = (kind: ArchitectureKind): boolean => tokens.some((t) => t.kind === kind);
  const groups = /^(\d+)x(\d+)d$/.exec(textOf("cardinality") ?? "");
  return dropUndefined({
    architecture,
    tokens,
    line: tokens.find((t) => t.kind === "line")?.text ?? "",
    size: textOf("size"),
    patch: number("patch", /(\d+)$/),
    window: rangeOf(textOf("window")),
    resolution: rangeOf(textOf("resolution")),
    registers: number("registers", /(\d+)$/),
    pool: textOf("pool"),
    norm: textOf("norm"),
    cardinality: groups === null ? undefined : { groups: Number(groups[1]), width: Number(groups[2]) },
    objectives: tokens.filter((t) => t.kind === "objective").map((t) => t.text),
    distilled: has("distilled"),
    pruned: has("pruned"),
    tensorflow: tokens.some((t) => t.kind === "origin" && t.text === "tf"),
  });
}

/** A record as its optional fields want it: without those that are undefined. */
function dropUndefined<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** `window12to24`, `192to384`, `224` */
function rangeOf(text: string | undefined): { size: number; from?: number } | undefined {
  const found = /(?:(\d+)to)?(\d+)$/.exec(text ?? "");
  if (found === null) return undefined;
  const size = Number(found[2]);
  return found[1] === undefined ? { size } : { size, from: Number(found[1]) };
}

function readPieces(architecture: string): ArchitectureToken[] {
  const texts = architecture.split("_");
  const size = sizeAt(architecture, texts);
  const lineAt = texts.findIndex((text, i) => !isPrefix(text, texts, i));
  const hybrid = texts.some((text) => /^(?:r\d*|resnet\d+d?)$/.test(text)) && texts[lineAt] === "vit";
  let start = 0;
  return texts.flatMap((text, i): ArchitectureToken[] => {
    const at = start;
    start += text.length + 1;
    const piece = (word: ArchitectureWord): ArchitectureToken[] => [
      { text, kind: word.kind, meaning: word.meaning, start: at, end: at + text.length },
    ];
    if (i === size) return piece({ kind: "resolution", meaning: resolutionWords(text) });
    if (i === lineAt) return linePieces(text, at);
    return piece(numberWord(texts[lineAt] ?? "", text) ?? wordOf(text, hybrid));
  });
}

/** Where an origin such as `tf` stands before the line; the last piece is always a line of its own. */
const isPrefix = (text: string, texts: readonly string[], i: number): boolean =>
  i < texts.length - 1 && words.get(text)?.prefix === true;

/** The last number of three or four digits, or `MtoN`; -1 where the name has none or numbers mean something else. */
function sizeAt(architecture: string, texts: readonly string[]): number {
  if (numbersAreNoSizes.test(architecture)) return -1;
  return texts.findLastIndex((text, i) => i > 0 && /^(?:\d{2,4}to)?[1-9]\d{2,3}$/.test(text));
}

const resolutionWords = (text: string): string => {
  const { size, from } = rangeOf(text) ?? { size: 0 };
  const sides = `input of ${size} x ${size} pixels`;
  return from === undefined ? sides : `${sides}, pretrained at ${from} x ${from}`;
};

/** The line; of ResNets and their like with the depth and the letter of the variant apart. */
function linePieces(text: string, start: number): ArchitectureToken[] {
  const [, prefix = "", line = "", depth = "", suffix = ""] = depthLine.exec(text) ?? ["", "", text];
  const parts = [
    { text: prefix, kind: "variant", meaning: words.get(prefix)?.meaning ?? "variant of the blocks" },
    { text: line, kind: "line", meaning: "model line" },
    { text: depth, kind: "depth", meaning: `${depth} layers` },
    { text: suffix, kind: "variant", meaning: stems.get(suffix) ?? "variant of stem or blocks" },
  ] as const;
  let at = start;
  return parts.flatMap((part): ArchitectureToken[] => {
    if (part.text === "") return [];
    const place = { start: at, end: at + part.text.length };
    at = place.end;
    return [{ ...part, ...place }];
  });
}

function wordOf(text: string, hybrid: boolean): ArchitectureWord {
  const known = words.get(text);
  if (known !== undefined) return known;
  for (const { pattern, kind, meaning, hybridOnly } of patterns) {
    const found = pattern.exec(text);
    if (found !== null && (hybrid || hybridOnly !== true)) return { kind, meaning: meaning(found) };
  }
  return { kind: "other", meaning: "part of the name, not explained" };
}
