/**
 * Where block `index` of a file that numbers its blocks through lies in stages of these depths; undefined past the last.
 */
export function throughPlace(
  depths: readonly number[],
  index: number,
): readonly [stage: number, block: number] | undefined {
  let left = index;
  for (const [stage, depth] of depths.entries()) {
    if (left < depth) return [stage, left];
    left -= depth;
  }
  return undefined;
}
