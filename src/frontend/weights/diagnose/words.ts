/**
 * Names of parameters as words, for comparing those of different code bases. What only says that there is a hierarchy
 * (`layers`, `encoder`) says nothing about a module, and is left out.
 */

/** What a tensor is to its module. `tensor`: it is the module itself, as a class token is. */
export type Role = "weight" | "bias" | "mean" | "var" | "tensor";

const roles: readonly (readonly [Role | "counter", RegExp])[] = [
  ["counter", /^(.*?)[._/]?num_batches_tracked$/],
  ["mean", /^(.+?)[._/](?:running_mean|moving_mean|mean)$/],
  ["var", /^(.+?)[._/](?:running_var|moving_variance|variance|var)$/],
  ["weight", /^(.+?)[._/](?:weight|kernel|scale|gamma|w)$/],
  ["bias", /^(.+?)[._/](?:bias|beta|b)$/],
];

/** A name as its module and what it is to the module; undefined for counters of batches, which nothing needs. */
export function splitRole(name: string): { readonly module: string; readonly role: Role } | undefined {
  for (const [role, pattern] of roles) {
    const module = pattern.exec(name)?.[1];
    if (module === undefined) continue;
    return role === "counter" ? undefined : { module, role };
  }
  return { module: name, role: "tensor" };
}

/** Whether a tensor is named as Flax and TensorFlow name weights: their axes are the other way round. */
export const isKernel = (name: string): boolean => /[._/]kernel$/.test(name);

const synonyms: ReadonlyMap<string, string> = new Map(
  Object.entries({
    attn: "attention mha selfattention multiheadattention multiheaddotproductattention sattn",
    norm: "layernorm ln bn batchnorm normalization normalisation groupnorm rmsnorm layrnorm",
    embed: "embeddings embedding emb embedder",
    pos: "position positional positions posembed",
    cls: "class",
    reg: "register registers",
    token: "tokens",
    proj: "projection out output",
    fc: "dense linear lin",
    conv: "convolution conv2d",
    head: "classifier heads logits",
    downsample: "downsampling shortcut reduction",
    mlp: "ffn feedforward intermediate mlpblock",
    scale: "ls layerscale lambda gamma",
    qkv: "querykeyvalue qkvproj kqv",
    patch: "patches",
    dw: "dwconv depthwise",
    pw: "pwconv pointwise",
    first: "before pre",
    second: "after post",
  }).flatMap(([word, others]) => [word, ...others.split(" ")].map((other) => [other, word] as const)),
);

/** Words that order by themselves, as the numbers that other names have in their place. */
const ordinals: ReadonlyMap<string, string> = new Map([
  ["first", "#0"],
  ["second", "#1"],
]);

const hierarchy = new Set(
  "module model encoder layer layers block blocks stage stages resblocks transformer backbone trunk visual net network self features params body group".split(
    " ",
  ),
);

/**
 * The words of a name that has `#1` for a number that is the second of its place, and braces around a query, a key and
 * a value.
 */
export function wordsOf(text: string): string[] {
  const words = text
    .replaceAll(/in_proj|\{.*?\}/g, "qkv")
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z#\d]+/)
    .flatMap((word) => word.split(/(?=#)/))
    .map((word) => synonyms.get(word) ?? word)
    .filter((word) => word !== "" && !hierarchy.has(word))
    .map((word) => ordinals.get(word) ?? word);
  return words.filter((word, i) => word !== words[i - 1]);
}

/** 0 to 1: twice the longest common subsequence over the lengths. Quadratic in the words of one name. */
export function similarity(a: readonly string[], b: readonly string[]): number {
  if (a.length + b.length === 0) return 0;
  let row = Array.from({ length: b.length + 1 }, () => 0);
  for (const x of a) {
    const next = [0];
    for (const [j, y] of b.entries()) next.push(x === y ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    row = next;
  }
  return (2 * (row.at(-1) ?? 0)) / (a.length + b.length);
}
