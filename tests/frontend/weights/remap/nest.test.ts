import { expect, test } from "vitest";
import { decodeNumbers } from "../../../../src/ir/bytes.ts";
import { type Plain, entry, expectSameNetwork, missing, network, remapped } from "./network.ts";
import { resized } from "./torch-resize.ts";

/** Channel `c` of positions [1, blocks, tokens, C] as rows of the picture, block by block and token by token. */
function picture({ shape: [, blocks = 1, tokens = 1, width = 1], values }: Plain, c: number): number[][] {
  const [grid, side] = [Math.sqrt(blocks), Math.sqrt(tokens)];
  return Array.from({ length: grid * side }, (_, y) =>
    Array.from({ length: grid * side }, (_x, x) => {
      const block = Math.floor(y / side) * grid + Math.floor(x / side);
      const token = (y % side) * side + (x % side);
      return values[(block * tokens + token) * width + c] ?? 0;
    }),
  );
}

test("NesT's positions are resampled as a picture of all blocks", async () => {
  const net = await network("nest_tiny", { img_size: 96, num_classes: 3 });
  const other = await network("nest_tiny", { img_size: 64, num_classes: 3 });
  expectSameNetwork(net, net.file, undefined);
  expect(missing(net, other.file)).toEqual([]);
  const { source, entries } = remapped(net, other.file);
  expect(entries.flatMap((e) => (e.resized === undefined ? [] : [[e.name, e.resized.from, e.resized.to]]))).toEqual([
    ["levels.0.pos_embed", [1, 16, 16, 96], [1, 16, 36, 96]],
    ["levels.1.pos_embed", [1, 4, 16, 192], [1, 4, 36, 192]],
    ["levels.2.pos_embed", [1, 1, 16, 384], [1, 1, 36, 384]],
  ]);
  for (const level of [0, 1, 2]) {
    const name = `levels.${level}.pos_embed`;
    const data = source.get(name);
    if (data === undefined) throw new Error(`no ${name}`);
    const found: Plain = { shape: data.shape, values: Float32Array.from(decodeNumbers("f32", data.read())) };
    for (const c of [0, 95]) {
      const [to, from] = [picture(found, c), picture(entry(other.file, name), c)];
      const expected = resized(from, [to.length, to.length], { mode: "bicubic", antialias: false });
      to.forEach((row, y) => row.forEach((value, x) => expect(value).toBeCloseTo(expected[y]?.[x] ?? Number.NaN, 6)));
    }
  }
});

test("NesT's positions of no square are refused", async () => {
  const net = await network("nest_tiny", { img_size: 64, num_classes: 3 });
  const file = new Map(net.file).set("levels.1.pos_embed", { shape: [1, 4, 6, 192], values: new Float32Array(4608) });
  expect(() => remapped(net, file)).toThrow(/levels\.1\.pos_embed cannot be mapped .*6 tokens do not make a square/);
});
