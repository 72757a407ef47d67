import { formatReference, parseReference } from "../../frontend/reference.ts";
import {
  familyOf,
  listArchitectures,
  matchesFilter,
  modelName,
  pretrainedTags,
  resolveName,
} from "../../frontend/registry.ts";
import { didYouMean, nearNames, quote } from "../../frontend/suggest.ts";
import { TimmcError, within } from "../../ir/error.ts";
import { isSupported } from "../../zoo/registry.ts";

/** What a list of references and globs stands for. */
interface FoundModels {
  /** References in their normal spelling: a timm name has its tag. */
  readonly models: readonly string[];
  readonly notices: readonly string[];
}

/** Whether a text is a pattern of `timm list` and not a reference. */
export const isGlob = (text: string): boolean => /[*?[]/.test(text) && !text.includes(":");

/** Whether a pattern selects a model that is spelled normally. */
export function selects(pattern: string, model: string): boolean {
  const reference = parseReference(model);
  if (reference.kind !== "timm") return pattern === model || formatReference(reference) === pattern;
  return matchesFilter(pattern, reference.architecture, reference.tag ?? "");
}

/**
 * References in their normal spelling, and the names that globs select of what timmc compiles, in timm's order. Throws
 * TimmcError for a name that timm does not have and for a glob that selects nothing, with the nearest names.
 */
export function findModels(references: readonly string[]): FoundModels {
  const notices: string[] = [];
  const models = references.flatMap((text, i) =>
    within(`models > ${i}`, () => {
      if (isGlob(text)) return globbed(text, notices);
      const found = normalReference(text);
      notices.push(...found.notices);
      return found.models;
    }),
  );
  return { models: [...new Set(models)], notices };
}

/** Nothing of a local folder or the Hub is looked at: what is not there fails its own variants. */
function normalReference(text: string): FoundModels {
  const reference = parseReference(text);
  if (reference.kind !== "timm") return { models: [formatReference(reference)], notices: [] };
  const { architecture, tag, notices } = resolveName(reference.architecture, reference.tag);
  return { models: [modelName(architecture, tag)], notices };
}

function globbed(pattern: string, notices: string[]): string[] {
  const rows = listArchitectures().flatMap((architecture) =>
    pretrainedTags(architecture)
      .filter((tag) => matchesFilter(pattern, architecture, tag))
      .map((tag) => ({ name: modelName(architecture, tag), supported: isSupported(familyOf(architecture)) })),
  );
  const models = rows.filter((row) => row.supported).map((row) => row.name);
  const refused = rows.length - models.length;
  if (refused > 0) notices.push(`${pattern}: ${refused} of ${rows.length} models are none that timmc compiles`);
  if (models.length > 0) return models;
  const reason = rows.length > 0 ? "selects no model that timmc compiles" : "selects no model";
  throw new TimmcError("config", `the pattern ${quote(pattern)} ${reason}`, { hint: patternHint(pattern) });
}

/** Patterns and names near to one that selects nothing. */
function patternHint(pattern: string): string {
  const [head = "", ...tag] = pattern.split(".");
  const known = listArchitectures().filter((name) => matchesFilter(head, name, ""));
  const tags = [...new Set(known.flatMap((name) => pretrainedTags(name)))].filter((t) => t !== "");
  if (tag.length > 0 && tags.length > 0) {
    const near = didYouMean(nearNames(literal(tag.join(".")), tags, 3));
    return near ?? `The tags there are ${tags.slice(0, 12).join(", ")}${tags.length > 12 ? ", ..." : ""}.`;
  }
  const lines = new Set(listArchitectures().map((name) => /^[a-z]+/.exec(name)?.[0] ?? name));
  const near = nearNames(literal(head), lines, 3).map((line) => `${line}*`);
  return didYouMean(near) ?? "timmc list prints every architecture and its tags.";
}

/** What stands between the wildcards of a pattern. */
const literal = (pattern: string): string => pattern.replaceAll(/\[[^\]]*\]|[*?]/g, "").replaceAll(/^_+|_+$/g, "");
