/**
 * Checkpoints of plain vision transformers, FlexiViT among them: what timm's filter of the family reads; and SigLIP 2 under
 * the names of Hugging Face transformers.
 */
import type { Value } from "../../ir/value.ts";
import type { FileKeys, Layout, Remap, Step } from "../remap/remap.ts";
import { change, defined, extent, renames } from "../remap/steps.ts";
import type { Ops } from "../scope.ts";
import { siglipLayouts } from "../vision-transformer/remap-towers.ts";

const prefixes = ["cls_token", "reg_token"] as const;
const isSquare = (n: number): boolean => n > 0 && Number.isInteger(Math.sqrt(n));

/**
 * Positions [1, N, C] as a square grid's [1, H, W, C]. Where they are of the tokens before the patches too, those are
 * added to the tokens: a model has positions of patches alone.
 */
function split(b: Ops, positions: Value, tokens: readonly Value[]): readonly [positions: Value, ...tokens: Value[]] {
  if (positions.type.shape.length !== 3) return [positions, ...tokens];
  const [all, width] = [extent(positions, 1), extent(positions, 2)];
  const counts = tokens.map((token) => extent(token, 1));
  const patches = all - counts.reduce((sum, n) => sum + n, 0);
  const grid = (x: Value, n: number): Value => b.reshape(x, { shape: [1, Math.sqrt(n), Math.sqrt(n), width] });
  if (isSquare(all)) return [grid(positions, all), ...tokens];
  if (!isSquare(patches)) return [positions, ...tokens];
  let at = 0;
  const moved = tokens.map((token, i) => {
    const range = [at, (at += counts[i] ?? 0)] as const;
    return b.add(token, b.slice(positions, { axis: 1, range }));
  });
  return [grid(b.slice(positions, { axis: 1, range: [at, all] }), patches), ...moved];
}

const positionsWith = (tokens: readonly string[]): Step => ({
  kind: "compute",
  law: "positions as a grid",
  from: /^pos_embed$/,
  with: tokens,
  to: ["pos_embed", ...tokens],
  make: (b, [positions, ...values]) => split(b, defined(positions), values),
});

/** A kernel's patches flattened with the channels innermost, as they are in files of NaFlex already. */
const flatten: Step = change("flatten the patches", /^patch_embed\.proj\.weight$/, (b, x) => {
  if (x.type.shape.length === 2) return x;
  const [out = 1, ...inner] = [0, 1, 2, 3].map((axis) => extent(x, axis));
  const last = b.transpose(x, { perm: [0, 2, 3, 1] });
  return b.reshape(last, { shape: [out, inner.reduce((n, extentOf) => n * extentOf, 1)] });
});

const embedded: readonly Step[] = [
  flatten,
  ...renames([/^patch_embed\./, "embeds."], [/^(pos_embed|cls_token|reg_token)$/, "embeds.$1"]),
];

const layoutWith = (tokens: readonly string[]): Layout => ({
  name: "a plain vision transformer",
  when: (file: FileKeys) =>
    file.has("patch_embed.proj.weight") && prefixes.every((name) => file.has(name) === tokens.includes(name)),
  steps: [positionsWith(tokens), ...embedded],
});

export const remap: Remap = {
  layouts: [
    ...[["cls_token", "reg_token"], ["cls_token"], ["reg_token"], []].map(layoutWith),
    ...siglipLayouts.map((layout) => ({ ...layout, steps: [...layout.steps, positionsWith([]), ...embedded] })),
  ],
  tail: [],
};
