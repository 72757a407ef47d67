import { type ArchitectureKind, parseArchitecture, type ParsedArchitecture } from "./architecture.ts";
import { type ParsedTag, parseTag, type TrainingStage } from "./tag.ts";
import { words } from "./architecture-words.ts";
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
  /** Whether the first training used no labels, even where it names a label set: its pictures alone were seen. */
  readonly selfSupervised: boolean;
  /** Whether a teacher's answers were learnt, by the tag or by the architecture. */
  readonly distilled: boolean;
}

/** Takes a name apart; whatever it is, nothing throws. */
export function explain(architecture: string, tag: string): NameAnatomy {
  const parsed = { architecture: parseArchitecture(architecture), tag: parseTag(tag) };
  const methods = methodsOf(parsed.architecture, parsed.tag);
  const [first, ...others] = parsed.tag.stages;
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
    training: [
      ...(first === undefined ? [] : [trainingWords(first, methods)]),
      ...others.map((stage) => trainingWords(stage, [])),
    ],
    selfSupervised: first !== undefined && methods.some(({ usesLabels }) => !usesLabels),
    distilled: first !== undefined && (parsed.tag.distilled || parsed.architecture.distilled),
  };
}

/** How a first training learns. */
interface Method {
  /** In a word or two. */
  readonly name: string;
  /** Or texts, hashtags or anything else that people wrote to the pictures. */
  readonly usesLabels: boolean;
}

/** Objectives of tags and architectures that see pictures alone. */
const labelFree: ReadonlySet<string> = new Set(["dino", "dinov2", "dinov3", "fcmae", "ijepa", "mae", "mim", "seer"]);

/**
 * The tag's objectives, or else the architecture's. BEiT and the first EVA do not say in words that they restored masked
 * patches: their tags begin with the data of that training, even where it is a label set.
 */
function methodsOf({ line, objectives }: ParsedArchitecture, tag: ParsedTag): Method[] {
  const stated = tag.objectives.length > 0 ? tag.objectives : objectives;
  if (stated.length > 0) return stated.map((text) => ({ name: methodName(text), usesLabels: !labelFree.has(text) }));
  const restoresMasks = /^(?:beit|beitv2|eva)$/.test(line);
  return restoresMasks ? [{ name: "masked image modelling", usesLabels: false }] : [];
}

const methodName = (text: string): string =>
  (tokenMeaning(text, false)?.meaning ?? words.get(text)?.meaning ?? text).split(/,|:|'s variant/)[0] ?? text;

const verbs = { pretrain: "trained", finetune: "fine-tuned", linear: "linear classifier trained" } as const;

/** `fine-tuned on ImageNet-1k at 384 x 384`, `trained on LAION-2B (CLIP)` */
function trainingWords({ kind, datasets, resolution }: TrainingStage, methods: readonly Method[]): string {
  const on = datasets.map((text) => tokenMeaning(text, false)?.meaning.split(/,| \(/)[0] ?? text).join(" and ");
  const at = resolution === undefined ? "" : ` at ${resolution} x ${resolution}`;
  const by = methods.length === 0 ? "" : ` (${methods.map(({ name }) => name).join(", ")})`;
  return `${verbs[kind]}${on === "" ? " on data that the name does not say" : ` on ${on}`}${at}${by}`;
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
