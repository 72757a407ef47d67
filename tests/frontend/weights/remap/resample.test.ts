import { describe, expect, test } from "vitest";
import { toFloat32 } from "../../../../src/frontend/weights/load.ts";
import { type Network, type Plain, entry, expectSameNetwork, network, remapped, reshaped } from "./network.ts";
import { type Filter, resized } from "./torch-resize.ts";

const cubic: Filter = { mode: "bicubic", antialias: true };
const linear: Filter = { mode: "bilinear", antialias: false };

/** Numbers in [-1, 1) without a pattern. */
function noise(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const read = (net: Network, file: ReadonlyMap<string, Plain>, name: string): Plain => {
  const data = remapped(net, file).source.get(name) ?? expect.fail(name);
  return { shape: data.shape, values: toFloat32(data) };
};

const width = 6;
const small = { depth: 1, embed_dim: width, num_heads: 1 };

/** Positions of `side` by `side` patches after those of `prefix` tokens. */
const positions = (side: number, prefix: number): Plain => ({
  shape: [1, prefix + side * side, width],
  values: noise((prefix + side * side) * width, side),
});

/** The same positions for another grid, channel by channel. */
function expectedPositions(
  { values }: Plain,
  side: number,
  prefix: number,
  grid: readonly [number, number],
  f: Filter,
) {
  const out = [...values.slice(0, prefix * width), ...Array<number>(grid[0] * grid[1] * width).fill(0)];
  for (let c = 0; c < width; c++) {
    const at = (y: number, x: number): number => values[(prefix + y * side + x) * width + c] ?? 0;
    const picture = Array.from({ length: side }, (_, y) => Array.from({ length: side }, (__, x) => at(y, x)));
    for (const [y, row] of resized(picture, grid, f).entries())
      for (const [x, value] of row.entries()) out[(prefix + y * grid[1] + x) * width + c] = value;
  }
  return out;
}

describe("positions at another size", () => {
  test.each<readonly [string, string, Record<string, unknown>, number, number, readonly [number, number], Filter]>([
    ["a class token, larger", "vit_tiny_patch16_224", { img_size: 96 }, 4, 1, [6, 6], cubic],
    ["a class token, smaller", "vit_tiny_patch16_224", { img_size: 48 }, 7, 1, [3, 3], cubic],
    ["another shape", "vit_tiny_patch16_224", { img_size: [80, 32] }, 4, 1, [5, 2], cubic],
    ["no class token", "vit_base_patch16_siglip_gap_224", { img_size: 80 }, 3, 0, [5, 5], cubic],
    [
      "a class token without a position",
      "vit_tiny_patch16_224",
      { img_size: 80, no_embed_class: true },
      3,
      0,
      [5, 5],
      cubic,
    ],
    ["registers without positions", "vit_little_patch16_reg4_gap_256", { img_size: [48, 64] }, 5, 0, [3, 4], cubic],
    ["registers with positions", "vit_tiny_patch16_224", { img_size: 64, reg_tokens: 2 }, 5, 3, [4, 4], cubic],
    ["a picture that is no whole number of patches", "vit_tiny_patch16_224", { img_size: 70 }, 5, 1, [4, 4], cubic],
    ["FlexiViT", "flexivit_small", { img_size: 48 }, 5, 0, [3, 3], linear],
    ["FlexiViT, larger", "flexivit_small", { img_size: 112 }, 5, 0, [7, 7], linear],
    ["a distillation token", "deit_tiny_distilled_patch16_224", { img_size: 48 }, 4, 2, [3, 3], cubic],
    ["DeiT III", "deit3_small_patch16_224", { img_size: 48 }, 4, 0, [3, 3], cubic],
  ])("%s", async (_, model, args, side, prefix, grid, filter) => {
    const net = await network(model, { ...small, ...args });
    const table = positions(side, prefix);
    const found = read(net, new Map(net.file).set("pos_embed", table), "pos_embed");
    expect(found.shape).toEqual([1, prefix + grid[0] * grid[1], width]);
    const expected = expectedPositions(table, side, prefix, grid, filter);
    expect(Math.max(...expected.map((x, i) => Math.abs(x - (found.values[i] ?? Number.NaN))))).toBeLessThan(2e-7);
  });

  test("as many positions as the model has are taken as they are, whatever their grid", async () => {
    const net = await network("vit_tiny_patch16_224", { ...small, img_size: [128, 32] });
    expect(entry(net.file, "pos_embed").shape).toEqual([1, 17, width]);
    const { entries } = expectSameNetwork(net, net.file, undefined);
    expect(entries.find((e) => e.name === "pos_embed")?.steps).toEqual([]);
  });

  test("that are no square after the model's own tokens are refused", async () => {
    const net = await network("vit_tiny_patch16_224", { ...small, img_size: 64 });
    const file = new Map(net.file).set("pos_embed", { shape: [1, 9, width], values: new Float32Array(9 * width) });
    expect(() => remapped(net, file)).toThrow(/pos_embed cannot be mapped.*9 positions are not 1 and a square grid/);
  });
});

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * (b[i] ?? 0), 0);
const rowsOf = (values: ArrayLike<number>, [rows, columns]: readonly [number, number], from = 0): number[][] =>
  Array.from({ length: rows }, (_, y) =>
    Array.from({ length: columns }, (__, x) => values[from + y * columns + x] ?? 0),
  );

const kernelName = "patch_embed.proj.weight";

describe("patch kernels at another patch size", () => {
  interface Case {
    readonly model: string;
    readonly from: readonly [number, number];
    readonly to: readonly [number, number];
    readonly filter: Filter;
  }

  /** Kernels of one output and three inputs as stored, and as the model gets them. */
  async function kernels({ model, from, to }: Case): Promise<{ old: number[][][]; mapped: number[][][] }> {
    const net = await network(model, { ...small, patch_size: [...to], img_size: [to[0] * 2, to[1] * 2] });
    const stored = { shape: [width, 3, ...from], values: noise(width * 3 * from[0] * from[1], from[0]) };
    const found = read(net, new Map(net.file).set(kernelName, stored), kernelName);
    expect(found.shape).toEqual([width, 3, ...to]);
    const planes = (values: Float32Array, size: readonly [number, number]): number[][][] =>
      Array.from({ length: width * 3 }, (_, i) => rowsOf(values, size, i * size[0] * size[1]));
    return { old: planes(stored.values, from), mapped: planes(found.values, to) };
  }

  test.each<readonly [string, Case]>([
    ["larger", { model: "vit_tiny_patch16_224", from: [8, 8], to: [12, 12], filter: cubic }],
    ["twice as large", { model: "vit_tiny_patch16_224", from: [4, 4], to: [8, 8], filter: cubic }],
    ["larger in one direction", { model: "vit_tiny_patch16_224", from: [6, 6], to: [6, 9], filter: cubic }],
    ["FlexiViT", { model: "flexivit_small", from: [5, 5], to: [8, 8], filter: linear }],
  ])("%s: the new kernel responds to a resized patch exactly as the old one to the patch", async (_, c) => {
    const { old, mapped } = await kernels(c);
    for (const [i, kernel] of old.entries()) {
      const patch = rowsOf(noise(c.from[0] * c.from[1], 77 + i), c.from);
      const response = dot(mapped[i]?.flat() ?? [], resized(patch, c.to, c.filter).flat());
      expect(Math.abs(response - dot(kernel.flat(), patch.flat()))).toBeLessThan(2e-5);
    }
  });

  test.each<readonly [string, Case]>([
    ["smaller", { model: "vit_tiny_patch16_224", from: [12, 12], to: [8, 8], filter: cubic }],
    ["smaller and larger", { model: "vit_tiny_patch16_224", from: [8, 8], to: [5, 11], filter: cubic }],
    ["FlexiViT", { model: "flexivit_small", from: [16, 16], to: [10, 10], filter: linear }],
  ])("%s: no other kernel responds nearer on average, for what is left is no resized patch", async (_, c) => {
    const { old, mapped } = await kernels(c);
    // Over patches of independent noise the squared difference is |K - B^T K'|^2, least where B (K - B^T K') = 0.
    const unit = (at: number): number[][] =>
      rowsOf(
        Array.from({ length: c.from[0] * c.from[1] }, (__, i) => (i === at ? 1 : 0)),
        c.from,
      );
    const columns = Array.from({ length: c.from[0] * c.from[1] }, (__, i) => resized(unit(i), c.to, c.filter).flat());
    for (const [i, kernel] of old.slice(0, 4).entries()) {
      const rest = kernel.flat().map((x, j) => x - dot(columns[j] ?? [], mapped[i]?.flat() ?? []));
      const left = resized(rowsOf(rest, c.from), c.to, c.filter).flat();
      expect(Math.max(...left.map(Math.abs))).toBeLessThan(2e-5);
      expect(Math.max(...rest.map(Math.abs))).toBeGreaterThan(0.01);
    }
  });

  test("flattened kernels are taken as the convolution has them", async () => {
    const net = await network("vit_tiny_patch16_224", small);
    const flat = reshaped(entry(net.file, kernelName), [width, 3 * 16 * 16]);
    expectSameNetwork(net, new Map(net.file).set(kernelName, flat), undefined);
  });

  test("what is no kernel of whole patches is refused", async () => {
    const net = await network("vit_tiny_patch16_224", small);
    const file = new Map(net.file).set(kernelName, { shape: [width, 100], values: new Float32Array(width * 100) });
    expect(() => remapped(net, file)).toThrow(/patch_embed\.proj\.weight cannot be mapped \(reshape\)/);
  });
});
