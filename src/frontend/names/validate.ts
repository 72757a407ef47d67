import type { PretrainedCfg } from "../pretrained-cfg.ts";
import { parseArchitecture } from "./architecture.ts";
import { parseTag } from "./tag.ts";

/** A fact of the pretrained configuration that a name says otherwise. */
export interface Contradiction {
  /** `architecture.tag` */
  readonly name: string;
  readonly field: "num_classes" | "input_size" | "patch" | "window";
  /** What the name says. */
  readonly predicted: string;
  /** What the configuration says. */
  readonly recorded: string;
  readonly why: string;
}

/** Widths of projections into a space shared with texts: what a head without labels may have. */
const projections: readonly number[] = [384, 512, 640, 768, 1024, 1152, 1280];

const in21k = 21_843;
const in22k = 21_841;

/**
 * The classes that weights have by their name: that of the label set at the tag's end (a size behind it put aside), or
 * undefined where no label set ends the tag, which then has no classifier or a projection. Three releases count
 * differently: FocalNet's ImageNet-22k, MIIL's cleaned ImageNet-21k, and weights published without their head.
 */
export function predictClasses(architecture: string, tag: string): number | undefined {
  const { tokens } = parseTag(tag);
  const last = tokens.findLast((token, i) => token.class !== "resolution" || i < tokens.length - 1);
  const has = (text: string): boolean => tokens.some((token) => token.text === text);
  switch (last?.text) {
    case "in1k":
      return 1000;
    case "in12k":
      return 11_821;
    case "inw21k":
      return 19_168;
    case "in22k":
      if (has("mim") && !has("ft")) return 0;
      return architecture.startsWith("focalnet") ? in22k + 1 : in22k;
    case "in21k":
      if (has("orig")) return 0;
      return has("miil") || architecture.endsWith("_miil") ? 11_221 : in21k;
    default:
      return undefined;
  }
}

/** Pixels per side that a name says the input has: the tag's size before the architecture's; undefined where neither says. */
export const predictSide = (architecture: string, tag: string): number | undefined =>
  parseTag(tag).resolution ?? parseArchitecture(architecture).resolution?.size;

/** Where a name and its pretrained configuration differ. Only what a name says is checked: most names say little. */
export function validate(architecture: string, tag: string, cfg: PretrainedCfg): Contradiction[] {
  const name = tag === "" ? architecture : `${architecture}.${tag}`;
  const checks = [
    checkClasses(architecture, tag, cfg),
    checkSide(architecture, tag, cfg),
    ...checkGrids(architecture, cfg),
  ];
  return checks.flatMap((found) => (found === undefined ? [] : [{ name, ...found }]));
}

type Found = Omit<Contradiction, "name"> | undefined;

function checkClasses(architecture: string, tag: string, { num_classes }: PretrainedCfg): Found {
  if (tag === "") return undefined;
  const { unknown } = parseTag(tag);
  const predicted = predictClasses(architecture, tag);
  const recorded = String(num_classes);
  if (predicted === undefined) {
    if (unknown.length > 0 || num_classes === 0 || projections.includes(num_classes)) return undefined;
    const why = "the tag ends in no label set, but the configuration has a classifier";
    return { field: "num_classes", predicted: "0 or a projection", recorded, why };
  }
  if (predicted === num_classes) return undefined;
  const why =
    num_classes === 0
      ? "the tag ends in a label set, but the configuration has no classifier"
      : "the classifier has another number of classes than the label set that ends the tag";
  return { field: "num_classes", predicted: String(predicted), recorded, why };
}

function checkSide(architecture: string, tag: string, { input_size: [, height, width] }: PretrainedCfg): Found {
  const side = predictSide(architecture, tag);
  if (side === undefined || (side === height && side === width)) return undefined;
  const why = "the name's size is not that of the input";
  return { field: "input_size", predicted: `${side} x ${side}`, recorded: `${height} x ${width}`, why };
}

/** The last stage of a network with windows has this many pixels per token. */
const windowStride = 32;

function checkGrids(architecture: string, { input_size: [, height, width] }: PretrainedCfg): Found[] {
  const { patch, window } = parseArchitecture(architecture);
  const recorded = `${height} x ${width}`;
  const found: Found[] = [];
  if (patch !== undefined && (height % patch !== 0 || width % patch !== 0)) {
    const why = `patches of ${patch} do not divide the input: the pixels left over at the right and bottom are not seen`;
    found.push({ field: "patch", predicted: `a multiple of ${patch}`, recorded, why });
  }
  const [rows, columns] = [height / windowStride, width / windowStride];
  if (window !== undefined && (rows % window.size !== 0 || columns % window.size !== 0)) {
    const stage = `the last stage has ${rows} x ${columns} tokens`;
    const isSmaller = rows < window.size && columns < window.size;
    const why = isSmaller ? `${stage}, and its windows are cut down to that` : `${stage}, which windows do not divide`;
    found.push({ field: "window", predicted: `windows of ${window.size} x ${window.size} tokens`, recorded, why });
  }
  return found;
}
