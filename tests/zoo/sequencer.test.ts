import { describe, expect, it } from "vitest";
import { TimmcError } from "../../src/ir/error.ts";
import type { NdArray } from "../../src/ir/ndarray.ts";
import { type LoweredModel, lowerArchitecture } from "../../src/zoo/lower.ts";
import { readArgs } from "../../src/zoo/schema.ts";
import { lstm } from "../../src/zoo/sequencer/lstm.ts";
import sequencer from "../../src/zoo/sequencer/sequencer.ts";
import { closeTo, filled, noise, runModule } from "./run-module.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

type Row = readonly number[];

/** Rows of a tensor [rows, width]. */
const rowsOf = ({ data, shape: [rows = 1, width = 1] }: NdArray): Row[] =>
  Array.from({ length: rows }, (_, r) => Array.from(data.slice(r * width, (r + 1) * width)));

const dot = (a: Row, b: Row): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);

/** The equations of torch.nn.LSTM's documentation, in which the rows of the gates are i, f, g and o. */
function along(
  steps: readonly Row[],
  params: Readonly<Record<string, NdArray>>,
  suffix: string,
  hidden: number,
): Row[] {
  const get = (name: string): NdArray => params[`${name}_${suffix}`] ?? filled([1], () => Number.NaN);
  const [ih, hh] = [rowsOf(get("weight_ih")), rowsOf(get("weight_hh"))];
  const [bi, bh] = [Array.from(get("bias_ih").data), Array.from(get("bias_hh").data)];
  let [h, c]: [Row, Row] = [Array<number>(hidden).fill(0), Array<number>(hidden).fill(0)];
  return steps.map((x) => {
    const before = h;
    const gate = (place: number, k: number): number => {
      const r = place * hidden + k;
      return dot(ih[r] ?? [], x) + (bi[r] ?? 0) + dot(hh[r] ?? [], before) + (bh[r] ?? 0);
    };
    c = c.map((old, k) => sigmoid(gate(1, k)) * old + sigmoid(gate(0, k)) * Math.tanh(gate(2, k)));
    h = c.map((state, k) => sigmoid(gate(3, k)) * Math.tanh(state));
    return h;
  });
}

const layouts = [1, 2].flatMap((layers) => [false, true].map((bidirectional) => ({ layers, bidirectional })));

describe("the LSTM of sequencer", () => {
  it.each(layouts)("is torch's with $layers layers, bidirectional $bidirectional", ({ layers, bidirectional }) => {
    const [sequences, steps, inputs, hidden] = [2, 4, 3, 2];
    const suffixes = bidirectional ? ["", "_reverse"] : [""];
    const params: Record<string, NdArray> = {};
    const draw = (name: string, shape: readonly number[]): void => {
      const seed = Object.keys(params).length;
      params[name] = filled(shape, (i) => Math.sin(78.233 * i + 3.7 * seed + 0.5));
    };
    for (let layer = 0; layer < layers; layer++)
      for (const suffix of suffixes) {
        const width = layer === 0 ? inputs : hidden * suffixes.length;
        draw(`weight_ih_l${layer}${suffix}`, [4 * hidden, width]);
        draw(`weight_hh_l${layer}${suffix}`, [4 * hidden, hidden]);
        draw(`bias_ih_l${layer}${suffix}`, [4 * hidden]);
        draw(`bias_hh_l${layer}${suffix}`, [4 * hidden]);
      }
    const x = noise([sequences, steps, inputs]);
    const all = rowsOf({ ...x, shape: [sequences * steps, inputs] });
    const expected = Array.from({ length: sequences }, (_, n) => {
      let y = all.slice(n * steps, (n + 1) * steps);
      for (let layer = 0; layer < layers; layer++) {
        const forward = along(y, params, `l${layer}`, hidden);
        const backward = along(y.toReversed(), params, `l${layer}_reverse`, hidden).toReversed();
        y = bidirectional ? forward.map((h, t) => [...h, ...(backward[t] ?? [])]) : forward;
      }
      return y;
    });
    expect(closeTo(runModule(lstm({ hidden, layers, bidirectional }), x, params), expected.flat(2))).toBe(true);
  });
});

const small = { layers: [1, 0, 1, 0], embed_dims: [16, 16, 16, 16], hidden_sizes: [4, 4, 4, 4] };

const lower = (args: Record<string, unknown>, arch = "sequencer2d_s", size: readonly [number, number] = [56, 56]) =>
  lowerArchitecture(sequencer, arch, readArgs(sequencer.args, arch, args), [3, ...size]);

const shapes = ({ parameters }: LoweredModel, prefix: string): Record<string, string> =>
  Object.fromEntries(
    parameters.flatMap(({ name, shape }) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), shape.join("x")] as const] : [],
    ),
  );

const refusal = (...request: Parameters<typeof lower>): string => {
  try {
    lower(...request);
  } catch (error) {
    if (error instanceof TimmcError) return error.message;
    throw error;
  }
  return "accepted";
};

describe("arguments of sequencer", () => {
  const block = "stages.0.blocks.0.rnn_tokens.";

  it.each([
    [{ union: "cat" }, "16x16", true, true],
    [{ union: "add" }, "16x8", true, true],
    [{ union: "vertical" }, "16x8", true, false],
    [{ union: "horizontal" }, "16x8", false, true],
    [{ union: "cat", bidirectional: false }, "16x8", true, true],
    [{ union: "cat", with_fc: false }, undefined, true, true],
  ] as const)("%j", (args, fc, vertical, horizontal) => {
    const found = shapes(lower({ ...small, ...args }), block);
    expect(found["fc.weight"]).toBe(fc);
    expect("rnn_v.weight_hh_l0" in found).toBe(vertical);
    expect("rnn_h.weight_hh_l0" in found).toBe(horizontal);
  });

  it("num_rnn_layers reads the directions of the layer before", () => {
    expect(shapes(lower({ ...small, num_rnn_layers: 2 }), `${block}rnn_v.`)).toEqual({
      ...Object.fromEntries(
        ["l0", "l0_reverse"].flatMap((l) => [
          [`weight_ih_${l}`, "16x16"],
          [`weight_hh_${l}`, "16x4"],
          [`bias_ih_${l}`, "16"],
          [`bias_hh_${l}`, "16"],
        ]),
      ),
      ...Object.fromEntries(
        ["l1", "l1_reverse"].flatMap((l) => [
          [`weight_ih_${l}`, "16x8"],
          [`weight_hh_${l}`, "16x4"],
          [`bias_ih_${l}`, "16"],
          [`bias_hh_${l}`, "16"],
        ]),
      ),
    });
  });

  it("an MLP of width 0 has that of its input, and a fraction is cut", () => {
    const widths = (ratio: number): string | undefined =>
      shapes(lower({ ...small, mlp_ratios: [ratio, 1, 1, 1] }), "stages.0.blocks.0.mlp_channels.")["fc1.weight"];
    expect([widths(0), widths(0.05), widths(1.99)]).toEqual(["16x16", "16x16", "31x16"]);
  });

  it("pixels that make no whole patch are left out", () => {
    expect(lower(small, "sequencer2d_s", [62, 57]).model.forwardFeatures[0]?.type.shape.slice(1)).toEqual([4, 4, 16]);
    expect(refusal(small, "sequencer2d_s", [56, 6])).toContain("does not fit");
  });

  it.each([
    [{ layers: [1, 1] }, "patch_sizes has 4 entries for 2 stages"],
    [{ layers: [] }, "no stage"],
    [{ mlp_ratios: 3 }, "list of number >= 0"],
    [{ ...small, with_fc: false, union: "add" }, "8 of 16 channels in stage 0"],
    [{ nlhb: true, num_classes: 0 }, "logarithm"],
    [{ global_pool: "max" }, "global_pool"],
    [{ norm_layer: "layernorm" }, "Python class"],
  ])("%j is refused in words", (args, words) => {
    expect(refusal(args)).toContain(words);
  });

  it("the larger ones take no second value of what their entry functions set", () => {
    expect(refusal({ union: "add" }, "sequencer2d_l")).toContain("sets union itself");
    expect(refusal({ stem_norm: true }, "sequencer2d_m")).toBe("accepted");
  });
});
