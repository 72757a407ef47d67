import { describe, expect, it } from "vitest";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { interpret } from "../../src/ir/interpret.ts";
import { type NdArray, at } from "../../src/ir/ndarray.ts";
import { ghostModuleV3 } from "../../src/zoo/ghostnet/modules.ts";
import { closeTo, filled, noise, runModule } from "./run-module.ts";

/*
 * The records of these blocks' networks are decided by rounding (docs/coverage.md). Here the blocks have weights for which
 * nothing saturates, and references written by hand, in float64.
 */

type Params = Readonly<Record<string, NdArray>>;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sum = (n: number, f: (i: number) => number): number => range(n).reduce((total, i) => total + f(i), 0);

/** Parameters and statistics that follow from their names; variances are positive. */
function parameter(name: string, shape: readonly number[]): NdArray {
  const seed = [...name].reduce((hash, c) => (31 * hash + (c.codePointAt(0) ?? 0)) % 1009, 7);
  const fan = shape.slice(1).reduce((n, d) => n * d, 1);
  const wave = (i: number): number => Math.sin(7.3 * i + seed);
  if (name.endsWith("running_var")) return filled(shape, (i) => 1 + 0.5 * wave(i));
  return filled(shape, (i) => (1.2 * wave(i)) / Math.sqrt(fan));
}

/** A map of an image, [channels][positions]. */
interface Plane {
  readonly h: number;
  readonly w: number;
  readonly channels: readonly (readonly number[])[];
}

const planeOf = (x: NdArray): Plane => {
  const [, c = 1, h = 1, w = 1] = x.shape;
  return { h, w, channels: range(c).map((i) => range(h * w).map((l) => at(x, i * h * w + l))) };
};
const flat = ({ channels }: Plane): number[] => channels.flat();
const each = (x: Plane, f: (v: number, c: number, l: number) => number): Plane => ({
  ...x,
  channels: x.channels.map((channel, c) => channel.map((v, l) => f(v, c, l))),
});
const value = (x: Plane, c: number, l: number): number => x.channels[c]?.[l] ?? NaN;
const plus = (a: Plane, b: Plane): Plane => each(a, (v, c, l) => v + value(b, c, l));
const relu = (x: Plane): Plane => each(x, (v) => Math.max(v, 0));

/** Layers by the names of their parameters. */
function layersOf(params: Params) {
  const weight = (name: string): NdArray => {
    const found = params[name];
    if (found === undefined) throw new RangeError(`no parameter ${name}`);
    return found;
  };
  const biased = (name: string, x: Plane): Plane => {
    const bias = params[`${name}.bias`];
    return bias === undefined ? x : each(x, (v, c) => v + at(bias, c));
  };
  return {
    pointwise(name: string, x: Plane): Plane {
      const w = weight(`${name}.weight`);
      const [out = 0, inner = 0] = w.shape;
      const channels = range(out).map((o) =>
        range(x.h * x.w).map((l) => sum(inner, (i) => at(w, o * inner + i) * value(x, i, l))),
      );
      return biased(name, { ...x, channels });
    },
    /** A kernel per channel, zeros around the map. */
    depthwise(name: string, x: Plane): Plane {
      const w = weight(`${name}.weight`);
      const [, , kh = 1, kw = 1] = w.shape;
      const y = each(x, (_, c, l) => {
        const [row, column] = [Math.floor(l / x.w), l % x.w];
        return sum(kh * kw, (k) => {
          const r = row + Math.floor(k / kw) - (kh - 1) / 2;
          const q = column + (k % kw) - (kw - 1) / 2;
          return r < 0 || q < 0 || r >= x.h || q >= x.w ? 0 : at(w, c * kh * kw + k) * value(x, c, r * x.w + q);
        });
      });
      return biased(name, y);
    },
    norm(name: string, x: Plane): Plane {
      const of = (part: string, c: number): number => at(weight(`${name}.${part}`), c);
      return each(x, (v, c) => {
        const normal = (v - of("running_mean", c)) / Math.sqrt(of("running_var", c) + 1e-5);
        return normal * of("weight", c) + of("bias", c);
      });
    },
  };
}

/** Runs a small network and returns the modules that were asked for, with all of its parameters. */
async function modulesOf(model: string, args: Readonly<Record<string, unknown>>, taps: readonly string[]) {
  const names = taps.map((tap) => `module:${tap}`);
  const { graph, parameters } = (await lowerRequest({ model, args, inputSize: [3, 64, 96], taps: names })).lowered;
  const params: Params = Object.fromEntries(parameters.map(({ name, shape }) => [name, parameter(name, shape)]));
  const results = interpret(graph, {
    symbols: { N: 1 },
    input: (_, { shape }) => noise(shape),
    param: (key, { shape }) => params[key] ?? parameter(key, shape),
  });
  const planes = names.map((name) => {
    const result = results.get(name);
    if (result === undefined) throw new RangeError(`no output ${name}`);
    return planeOf(result);
  });
  return { planes, params };
}

const agree = (got: Plane, want: Plane): boolean => {
  const spread = Math.max(...flat(want).map(Math.abs));
  const wanted = filled([flat(want).length], (i) => flat(want)[i] ?? NaN);
  return spread > 0.1 && closeTo(wanted, flat(got), 1e-9 * spread);
};

it("StarNet's block multiplies two branches, the first between 0 and 6", async () => {
  const args = { base_dim: 4, depths: [1, 1, 1, 2], mlp_ratio: 2 };
  const block = "stages.3.2";
  const { planes, params } = await modulesOf("starnet_s1", args, ["stages.3.1", block]);
  const [x, got] = planes as [Plane, Plane];
  const { pointwise, depthwise, norm } = layersOf(params);
  const name = (layer: string): string => `${block}.${layer}`;
  const y = norm(name("dwconv.bn"), depthwise(name("dwconv.conv"), x));
  const [first, second] = [pointwise(name("f1.conv"), y), pointwise(name("f2.conv"), y)];
  const star = each(first, (v, c, l) => Math.min(Math.max(v, 0), 6) * value(second, c, l));
  const back = norm(name("g.bn"), pointwise(name("g.conv"), star));
  const inside = flat(first).filter((v) => v > 0 && v < 6).length / flat(first).length;
  expect(inside).toBeGreaterThan(0.3);
  expect(agree(got, plus(x, depthwise(name("dwconv2.conv"), back)))).toBe(true);
});

describe("GhostNetV3's module", () => {
  const [inner, out, h, w] = [3, 6, 4, 6];
  const x = noise([1, inner, h, w]);
  const normed = (name: string, n: number): [string, number[]][] =>
    ["weight", "bias", "running_mean", "running_var"].map((part) => [`${name}.${part}`, [n]]);
  const shapes: [string, number[]][] = [
    ...range(3).flatMap((i): [string, number[]][] => [
      [`primary_rpr_conv.${i}.conv.weight`, [out / 2, inner, 1, 1]],
      ...normed(`primary_rpr_conv.${i}.bn1`, out / 2),
      [`cheap_rpr_conv.${i}.conv.weight`, [out / 2, 1, 3, 3]],
      ...normed(`cheap_rpr_conv.${i}.bn1`, out / 2),
    ]),
    ["cheap_rpr_scale.conv.weight", [out / 2, 1, 1, 1]],
    ...normed("cheap_rpr_scale.bn1", out / 2),
    ...normed("cheap_rpr_skip", out / 2),
    ["short_conv.0.weight", [out, inner, 1, 1]],
    ["short_conv.2.weight", [out, 1, 1, 5]],
    ["short_conv.4.weight", [out, 1, 5, 1]],
    ...[1, 3, 5].flatMap((i) => normed(`short_conv.${i}`, out)),
  ];
  const params: Params = Object.fromEntries(shapes.map(([name, shape]) => [name, parameter(name, shape)]));
  const { pointwise, depthwise, norm } = layersOf(params);

  const halves = (act: (y: Plane) => Plane): Plane => {
    const dense = range(3)
      .map((i) => norm(`primary_rpr_conv.${i}.bn1`, pointwise(`primary_rpr_conv.${i}.conv`, planeOf(x))))
      .reduce(plus);
    const half = act(dense);
    const cheap = range(3)
      .map((i) => norm(`cheap_rpr_conv.${i}.bn1`, depthwise(`cheap_rpr_conv.${i}.conv`, half)))
      .reduce(plus);
    const scale = norm("cheap_rpr_scale.bn1", depthwise("cheap_rpr_scale.conv", half));
    const both = act(plus(cheap, plus(scale, norm("cheap_rpr_skip", half))));
    return { ...half, channels: [...half.channels, ...both.channels] };
  };

  /** Gates of a map of half the size, each for four positions. */
  const gates = (): Plane => {
    const whole = planeOf(x);
    const corner = (l: number): number => 2 * Math.floor(l / (w / 2)) * w + 2 * (l % (w / 2));
    const channels = whole.channels.map((_, c) =>
      range((h * w) / 4).map((l) => sum(4, (k) => value(whole, c, corner(l) + Math.floor(k / 2) * w + (k % 2))) / 4),
    );
    const narrow = norm("short_conv.1", pointwise("short_conv.0", { h: h / 2, w: w / 2, channels }));
    const rows = norm("short_conv.3", depthwise("short_conv.2", narrow));
    const mixed = norm("short_conv.5", depthwise("short_conv.4", rows));
    return each(mixed, (v) => 1 / (1 + Math.exp(-v)));
  };

  it("sums parallel convolutions, and makes half of its channels of the other half", () => {
    const run = (act: boolean): Plane => planeOf(runModule(ghostModuleV3({ out, act, gated: false }), x, params));
    expect(agree(run(true), halves(relu))).toBe(true);
    expect(
      agree(
        run(false),
        halves((y) => y),
      ),
    ).toBe(true);
  });

  it("opens a gate of half the size for every position", () => {
    const open = gates();
    const place = (l: number): number => Math.floor(Math.floor(l / w) / 2) * (w / 2) + Math.floor((l % w) / 2);
    const want = each(halves(relu), (v, c, l) => v * value(open, c, place(l)));
    expect(flat(open).every((v) => v > 0.02 && v < 0.98)).toBe(true);
    const got = planeOf(runModule(ghostModuleV3({ out, act: true, gated: true }), x, params));
    expect(agree(got, want)).toBe(true);
  });
});

it("Visformer's attention mixes the positions of a map", async () => {
  const heads = 2;
  const args = { init_channels: 4, embed_dim: 16, depth: [1, 1, 1], num_heads: heads, img_size: [64, 96] };
  const attn = "stage2.0.attn";
  const { planes, params } = await modulesOf("visformer_tiny", args, ["stage2.0.norm1", attn]);
  const [x, got] = planes as [Plane, Plane];
  const { pointwise } = layersOf(params);
  const width = x.channels.length;
  const dim = width / heads;
  const positions = range(x.h * x.w);
  const qkv = pointwise(`${attn}.qkv`, x);
  const widest: number[] = [];
  const channels = range(width).map((c) => {
    const first = c - (c % dim);
    return positions.map((l) => {
      const scores = positions.map(
        (m) => sum(dim, (i) => value(qkv, first + i, l) * value(qkv, width + first + i, m)) / Math.sqrt(dim),
      );
      const weights = scores.map(Math.exp);
      const total = weights.reduce((a, b) => a + b, 0);
      widest.push(Math.max(...weights) / total);
      return positions.reduce((mix, m) => mix + ((weights[m] ?? NaN) / total) * value(qkv, 2 * width + c, m), 0);
    });
  });
  expect(Math.max(...widest)).toBeLessThan(0.9);
  expect(agree(got, pointwise(`${attn}.proj`, { ...x, channels }))).toBe(true);
});
