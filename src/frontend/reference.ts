import { TimmcError } from "../ir/error.ts";
import { quote } from "./suggest.ts";

/** What a user writes for a model. Only the grammar is checked: whether the name exists is the registry's question. */
export type ModelReference =
  | { readonly kind: "timm"; readonly architecture: string; readonly tag: string | undefined }
  | { readonly kind: "hf-hub"; readonly repo: string; readonly revision: string }
  | { readonly kind: "local-dir"; readonly path: string };

/** Every spelling of a scheme, in lower case. `hf_hub` is timm's old name, `local` is ours. */
const schemes: ReadonlyMap<string, "hf-hub" | "local-dir"> = new Map([
  ["hf-hub", "hf-hub"],
  ["hf_hub", "hf-hub"],
  ["local-dir", "local-dir"],
  ["local", "local-dir"],
]);

/** Two characters at least, so that the drive of `C:\models` is no scheme. */
const schemePattern = /^[a-z][a-z0-9+.\-_]+$/i;

const grammar = 'Write "resnet50", "resnet50.a1_in1k", "hf-hub:ORG/NAME[@REVISION]" or "local-dir:FOLDER".';

/**
 * Parses `arch`, `arch.tag`, `hf-hub:org/name[@revision]` or `local-dir:path`, by timm's rules (`parse_model_name`,
 * `split_model_name_tag`): the scheme ends at the first colon, the tag begins after the first dot, and what follows a
 * scheme is taken as it stands. An empty tag is the default tag, a missing revision is `main`.
 *
 * @throws TimmcError `usage`.
 */
export function parseReference(text: string): ModelReference {
  const colon = text.indexOf(":");
  const scheme = colon < 0 ? "" : text.slice(0, colon);
  if (!schemePattern.test(scheme)) return parseName(text);
  const kind = schemes.get(scheme.toLowerCase());
  const rest = text.slice(colon + 1);
  if (kind === undefined) {
    throw new TimmcError("usage", `unknown scheme ${quote(scheme)} in the model reference ${quote(text)}`, {
      hint: grammar,
    });
  }
  if (rest === "") {
    throw new TimmcError("usage", `nothing follows the scheme in the model reference ${quote(text)}`, {
      hint: grammar,
    });
  }
  return kind === "hf-hub" ? parseHubId(rest) : parsePath(rest);
}

/** The reference in its one normal spelling; `parseReference` reads it back. */
export function formatReference(reference: ModelReference): string {
  switch (reference.kind) {
    case "timm":
      return reference.tag === undefined ? reference.architecture : `${reference.architecture}.${reference.tag}`;
    case "hf-hub":
      return `hf-hub:${reference.repo}${reference.revision === "main" ? "" : `@${reference.revision}`}`;
    case "local-dir":
      return `local-dir:${reference.path}`;
  }
  return reference satisfies never;
}

/** A name with a separator never falls back to its last part: that would silently load other weights. */
function parseName(text: string): ModelReference {
  if (/[/\\:]/.test(text)) {
    throw new TimmcError("usage", `${quote(text)} is not the name of a timm model: it looks like a path or a Hub id`, {
      hint: pathHint(text),
    });
  }
  const dot = text.indexOf(".");
  const architecture = dot < 0 ? text : text.slice(0, dot);
  const tag = dot < 0 ? "" : text.slice(dot + 1);
  if (architecture === "") {
    throw new TimmcError("usage", `the model reference ${quote(text)} has no architecture`, { hint: grammar });
  }
  return { kind: "timm", architecture, tag: tag === "" ? undefined : tag };
}

const weightEnding = /\.(?:safetensors|npz|bin|pth|pt|ckpt|tar|index\.json)$/i;

/** What to write instead of a bare path: only what would be read. */
function pathHint(text: string): string {
  if (weightEnding.test(text)) return "Name the model, and the file behind --weights: resnet50 --weights FILE.";
  const folder = `${quote(`local-dir:${text}`)} for a folder`;
  const [repo = "", revision, ...rest] = text.split("@");
  const isHubId = rest.length === 0 && isRepo(repo) && (revision === undefined || isRevision(revision));
  return isHubId ? `Write ${quote(`hf-hub:${text}`)} for a Hub repository or ${folder}.` : `Write ${folder}.`;
}

/** The Hub's own rule (`REPO_ID_REGEX`): an optional namespace, then a name of up to 96 characters. */
const repoPattern = /^(?:\w(?:[\w.-]*\w)?\/)?\w(?:[\w.-]{0,94}\w)?$/;

/** Git's characters for a branch, tag or commit; what a URL or a file name could misread stays out. */
const revisionPattern = /^[\w.+-]+(?:\/[\w.+-]+)*$/;

const isRepo = (repo: string): boolean => repo.length <= 193 && repoPattern.test(repo) && !/--|\.\.|\.git$/.test(repo);

const isRevision = (revision: string): boolean =>
  revision.length <= 250 && revisionPattern.test(revision) && !revision.includes("..");

function parseHubId(id: string): ModelReference {
  const [repo = "", revision = "main", ...rest] = id.split("@");
  if (rest.length > 0) throw hubError(id, 'only one "@" is allowed, before the revision');
  if (!isRepo(repo)) {
    throw hubError(
      id,
      'a repository is NAME or ORG/NAME in letters, digits, "_", "-" and ".", without "--" or "..", not ending in ".git"',
    );
  }
  if (!isRevision(revision)) {
    throw hubError(id, 'after "@" belongs a branch, a tag or a commit');
  }
  return { kind: "hf-hub", repo, revision };
}

const hubError = (id: string, rule: string): TimmcError =>
  new TimmcError("usage", `${quote(id)} is not a Hub id: ${rule}`, { hint: grammar });

function parsePath(path: string): ModelReference {
  if (path.includes("\0")) throw new TimmcError("usage", `the path ${quote(path)} contains a zero byte`);
  return { kind: "local-dir", path };
}
