import { describe, expect, test } from "vitest";
import { type LowerRequest, type LoweredRequest, lowerRequest } from "../../src/driver/lower-request.ts";
import { decodeNumbers } from "../../src/ir/bytes.ts";
import { interpret } from "../../src/ir/interpret.ts";
import { type NdArray, ndarray } from "../../src/ir/ndarray.ts";
import { is } from "../../src/ir/value.ts";
import { refusal } from "./workspace.ts";
import { syntheticInput, syntheticSource } from "../../src/frontend/weights/synthetic.ts";

/** Every output of a small network with synthetic weights, in float64. */
function run({ lowered }: LoweredRequest): ReadonlyMap<string, NdArray> {
  const weights = syntheticSource(lowered.parameters);
  return interpret(lowered.graph, {
    symbols: { N: 2 },
    input: (_, { dtype, shape }) => ndarray(dtype, shape, syntheticInput(shape)),
    param: (key, { dtype, shape }) =>
      ndarray(dtype, shape, decodeNumbers("f32", weights.get(key)?.read() ?? new Uint8Array())),
  });
}

const lower = (request: LowerRequest) => lowerRequest(request);
const outputs = async (request: LowerRequest): Promise<ReadonlyMap<string, NdArray>> => run(await lower(request));

function numbers(all: ReadonlyMap<string, NdArray>, name: string): NdArray {
  const found = all.get(name);
  if (found === undefined) throw new Error(`no output ${name}`);
  return found;
}

/** [N, A, C] and [N, B, C] to [N, A + B, C]. */
function joinTokens(a: NdArray, b: NdArray): number[] {
  const [n = 1, tokensA = 1, c = 1] = a.shape;
  const rows = (x: NdArray, i: number): number[] => {
    const size = x.data.length / n;
    return [...x.data.subarray(i * size, (i + 1) * size)];
  };
  expect(tokensA * c * n).toBe(a.data.length);
  return Array.from({ length: n }, (_, i) => [...rows(a, i), ...rows(b, i)]).flat();
}

const registers = {
  model: "vit_small_patch14_reg4_dinov2.lvd142m",
  args: { depth: 2, embed_dim: 24, num_heads: 2, img_size: 56 },
};

describe("intermediate features as forward_intermediates gives them", () => {
  test("normed tokens of the last block, prefix and patches, are forward_features", async () => {
    const taps = ["forward_features", "features.1", "features.1.prefix"];
    const all = await outputs({ ...registers, taps, tapFormat: "nlc", tapNorm: true });
    const [features, prefix] = [numbers(all, "features.1"), numbers(all, "features.1.prefix")];
    expect(prefix.shape).toEqual([2, 5, 24]);
    expect(features.shape).toEqual([2, 16, 24]);
    expect(joinTokens(prefix, features)).toEqual([...numbers(all, "forward_features").data]);
  });

  test("without the norm they are the block's own", async () => {
    const all = await outputs({
      ...registers,
      taps: ["module:blocks.0", "features.0", "features.0.prefix"],
      tapFormat: "nlc",
    });
    expect(joinTokens(numbers(all, "features.0.prefix"), numbers(all, "features.0"))).toEqual([
      ...numbers(all, "module:blocks.0").data,
    ]);
  });

  test("a norm behind the pooling is none of the stages'", async () => {
    const model = "vit_base_patch16_224";
    const args = { depth: 1, embed_dim: 24, num_heads: 2, img_size: 32, global_pool: "avg" };
    const { taps } = await lower({ model, args, taps: ["features.0"], tapNorm: true });
    expect(taps.map((t) => t.norm)).toEqual([false]);
  });

  const swin = {
    model: "swin_tiny_patch4_window7_224",
    args: { embed_dim: 24, depths: [1, 1, 1, 1], num_heads: [1, 1, 1, 1], img_size: 32, window_size: 4 },
  };

  test("swin's maps have their channels last, unless asked otherwise; the norm is the last one's", async () => {
    const taps = ["features.0", "features.3", "forward_features"];
    const native = await outputs({ ...swin, taps });
    const first = await outputs({ ...swin, taps, tapFormat: "nchw" });
    const tokens = await outputs({ ...swin, taps, tapFormat: "nlc", tapNorm: true });
    expect(numbers(native, "features.0").shape).toEqual([2, 8, 8, 24]);
    expect(numbers(first, "features.0").shape).toEqual([2, 24, 8, 8]);
    const map = numbers(native, "features.0");
    const moved = numbers(first, "features.0");
    expect(map.data[(3 * 8 + 5) * 24 + 7]).toBe(moved.data[(7 * 8 + 3) * 8 + 5]);
    expect(numbers(tokens, "features.0").shape).toEqual([2, 64, 24]);
    expect([...numbers(tokens, "features.0").data]).toEqual([...map.data]);
    expect([...numbers(tokens, "features.3").data]).toEqual([...numbers(native, "forward_features").data]);
    const { taps: described } = await lower({ ...swin, taps, tapNorm: true });
    expect(described.map((t) => t.norm)).toEqual([false, true, undefined]);
  });

  test("a convolutional network has no prefix", async () => {
    await expect(lower({ model: "resnet18", taps: ["features.1.prefix"] })).rejects.toThrow(
      "no class or register tokens",
    );
  });

  test("tokens that are added behind the stages are in forward_features alone", async () => {
    const pit = { model: "pit_ti_224", taps: ["features.0.prefix"] };
    await expect(lower(pit)).rejects.toThrow("its stages carry no prefix tokens; forward_features has them");
  });
});

test.each([
  ["crossvit_9_240", "blocks.0", "blocks.0.blocks.0"],
  ["hrnet_w18_small", "stage4", "stage4.0.branches.0"],
  ["coat_tiny", "parallel_blocks.0", "parallel_blocks.0.mlp2"],
])("a module of %s that returns several values is not said to be absent", async (model, path, part) => {
  const text = await refusal(lower({ model, taps: [`module:${path}`] }));
  expect(text).toContain(`the module "${path}" has no result that is one tensor`);
  const parts = (/tap those, (.*?)(?: and others)?\.$/.exec(text)?.[1] ?? "").split(", ");
  const { taps } = await lower({ model, taps: parts.map((name) => `module:${name}`) });
  expect(taps.length).toBeGreaterThanOrEqual(parts.length);
  await expect(lower({ model, taps: [`module:${part}`] })).resolves.toBeDefined();
  await expect(lower({ model, taps: [`module:${path}x`] })).rejects.toThrow("there is no module");
});

describe("attention maps", () => {
  test("are the probabilities that weigh the values", async () => {
    const { lowered, ...rest } = await lower({ ...registers, taps: ["attn:blocks.1"] });
    const attention = [...lowered.graph.values()].findLast((v) => is(v, "attention"));
    const values = attention?.operands[2];
    if (attention === undefined || values === undefined) throw new Error("no attention");
    const graph = lowered.graph;
    graph.setOutputs([...graph.outputs, { name: "mixed", value: attention }, { name: "values", value: values }]);
    const all = run({ lowered, ...rest });
    const [maps, mixed, v] = [numbers(all, "attn:blocks.1"), numbers(all, "mixed"), numbers(all, "values")];
    expect(maps.shape).toEqual([2, 2, 21, 21]);
    for (let head = 0; head < 4; head++)
      for (let query = 0; query < 21; query += 5) {
        const row = [...maps.data.subarray((head * 21 + query) * 21, (head * 21 + query + 1) * 21)];
        expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
        const weighed = row.reduce((sum, p, j) => sum + p * (v.data[(head * 21 + j) * 12 + 3] ?? 0), 0);
        expect(weighed).toBeCloseTo(mixed.data[(head * 21 + query) * 12 + 3] ?? 0, 10);
      }
  });

  test("several in one module have their own names and modules, and names without any are refused with a near one", async () => {
    const { taps } = await lower({ ...registers, taps: ["attn:blocks"] });
    expect(taps.map((t) => [t.name, t.module])).toEqual([
      ["attn:blocks.0.attn", "blocks.0.attn"],
      ["attn:blocks.1.attn", "blocks.1.attn"],
    ]);
    // Each name is a tap of its own, so that both ways of asking are one output.
    const own = await lower({ ...registers, taps: taps.map((t) => t.name) });
    expect(own.taps.map((t) => [t.name, t.module])).toEqual(taps.map((t) => [t.name, t.module]));
    const whole = await outputs({ ...registers, taps: ["attn:blocks"] });
    const second = await outputs({ ...registers, taps: ["attn:blocks.1"] });
    expect(numbers(whole, "attn:blocks.1.attn").data).toEqual(numbers(second, "attn:blocks.1").data);
    await expect(lower({ ...registers, taps: ["attn:blocks.0.mlp"] })).rejects.toThrow(
      /"blocks.0.mlp" has no attention/,
    );
    await expect(lower({ ...registers, taps: ["attn:block.0"] })).rejects.toThrow(/is no module/);
  });
});

test("softmax makes probabilities of the logits alone", async () => {
  const args = { depth: 1, embed_dim: 24, num_heads: 2, img_size: 32, num_classes: 5 };
  const request = { model: "vit_base_patch16_224", args, taps: ["logits", "pre_logits"] };
  const [plain, soft] = [await outputs(request), await outputs({ ...request, softmax: true })];
  const logits = [...numbers(plain, "logits").data.subarray(0, 5)];
  const total = logits.reduce((sum, x) => sum + Math.exp(x), 0);
  for (const [i, x] of logits.entries()) expect(numbers(soft, "logits").data[i]).toBeCloseTo(Math.exp(x) / total, 12);
  expect(numbers(soft, "pre_logits")).toEqual(numbers(plain, "pre_logits"));
});
