import { type ArchitectureKind, parseArchitecture, type ParsedArchitecture } from "./architecture.ts";
import { type ParsedTag, parseTag, type TrainingStage } from "./tag.ts";
import { type TokenClass, tokenMeaning } from "./tokens.ts";

/** A piece of a whole name and what it says. */
export interface NamePiece {
  readonly text: string;
  readonly part: "architecture" | "tag";
  readonly kind: ArchitectureKind | TokenClass | "unknown";
  readonly meaning: string;
  /** Where the text stands in the whole name: from `start`, up to but without `end`. */
  readonly start: number;
  readonly end: number;
}

/** A name taken apart. */
export interface NameAnatomy {
  /** `architecture.tag`, or the architecture alone. */
  readonly name: string;
  readonly architecture: ParsedArchitecture;
  readonly tag: ParsedTag;
  /** In the name's order. */
  readonly pieces: readonly NamePiece[];
  /** What the weights went through, a phrase per training. */
  readonly training: readonly string[];
}

/** Takes a name apart; whatever it is, nothing throws. */
export function explain(architecture: string, tag: string): NameAnatomy {
  const parsed = { architecture: parseArchitecture(architecture), tag: parseTag(tag) };
  const behind = architecture.length + 1;
  return {
    name: tag === "" ? architecture : `${architecture}.${tag}`,
    ...parsed,
    pieces: [
      ...parsed.architecture.tokens.map((token) => ({ ...token, part: "architecture" as const })),
      ...parsed.tag.tokens.map(({ text, class: kind, meaning, start, end }) => ({
        text,
        part: "tag" as const,
        kind,
        meaning,
        start: behind + start,
        end: behind + end,
      })),
    ],
    training: parsed.tag.stages.map((stage) => trainingWords(stage)),
  };
}

const verbs = { pretrain: "trained", finetune: "fine-tuned", linear: "linear classifier trained" } as const;

/** `fine-tuned on ImageNet-1k at 384 x 384` */
function trainingWords({ kind, datasets, resolution }: TrainingStage): string {
  const on = datasets.map((text) => tokenMeaning(text, false)?.meaning.split(",")[0] ?? text).join(" and ");
  const at = resolution === undefined ? "" : ` at ${resolution} x ${resolution}`;
  return `${verbs[kind]}${on === "" ? " on data that the name does not say" : ` on ${on}`}${at}`;
}

/** Every word by which a name can be asked for its data: label sets, other data, objectives of tag and architecture. */
export function dataWords(architecture: string, tag: string): ReadonlySet<string> {
  const { objectives, stages } = parseTag(tag);
  return new Set([
    ...stages.flatMap((stage) => stage.datasets),
    ...objectives,
    ...(stages.length === 0 ? [] : parseArchitecture(architecture).objectives),
  ]);
}
