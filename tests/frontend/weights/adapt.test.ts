import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Adaptation, adaptWeights } from "../../../src/frontend/weights/adapt.ts";
import { toFloat32 } from "../../../src/frontend/weights/load.ts";
import { narrow } from "../../../src/ir/float.ts";
import { f32Data, fakeSource, tensorData } from "./fake-source.ts";

const wanted = (
  changes: Partial<Omit<Adaptation, "checkpoint">>,
  checkpoint: Partial<Adaptation["checkpoint"]> = {},
): Adaptation => ({
  inChans: 3,
  numClasses: 2,
  shape: () => undefined,
  ...changes,
  checkpoint: { firstConv: ["conv1"], classifier: ["fc"], numClasses: 2, ...checkpoint },
});

const checkpoint = () =>
  fakeSource({
    "conv1.weight": f32Data([1, 3, 1, 2], [1, 2, 10, 20, 100, 200]),
    "fc.weight": f32Data([2, 1], [7, 8]),
    "fc.bias": f32Data([2], [9, 10]),
  });

const conv = (shape: number[], values: Iterable<number>) => fakeSource({ "conv1.weight": f32Data(shape, values) });
const read = (adapted: ReturnType<typeof adaptWeights>, name: string) => {
  const data = adapted.source.get(name) ?? expect.fail(`${name} is missing`);
  return { shape: data.shape, values: [...toFloat32(data)] };
};

describe("first convolution", () => {
  test("three channels: nothing changes, nothing is read", () => {
    const source = checkpoint();
    const adapted = adaptWeights(source, wanted({}));
    expect(adapted).toMatchObject({ withheld: [], strict: true });
    expect([...adapted.source.keys()]).toEqual([...source.keys()]);
    expect(source.reads()).toBe(0);
    expect(read(adapted, "conv1.weight").values).toEqual([1, 2, 10, 20, 100, 200]);
  });

  test("one channel is the sum, computed when it is read", () => {
    const source = checkpoint();
    const adapted = adaptWeights(source, wanted({ inChans: 1 }));
    expect(adapted.source.get("conv1.weight")?.shape).toEqual([1, 1, 1, 2]);
    expect(source.reads()).toBe(0);
    expect(read(adapted, "conv1.weight")).toEqual({ shape: [1, 1, 1, 2], values: [111, 222] });
    expect(adapted.strict).toBe(true);
  });

  test("one channel of a space-to-depth stem: sums of three neighbours", () => {
    const adapted = adaptWeights(conv([1, 6, 1, 1], [1, 2, 3, 10, 20, 30]), wanted({ inChans: 1 }));
    expect(read(adapted, "conv1.weight")).toEqual({ shape: [1, 2, 1, 1], values: [6, 60] });
    expect(() => adaptWeights(conv([1, 4, 1, 1], [1, 2, 3, 4]), wanted({ inChans: 1 }))).toThrow(/runs of 3/);
  });

  test("n channels repeat RGB, scaled by 3 / n in float32", () => {
    const adapted = adaptWeights(checkpoint(), wanted({ inChans: 5 }));
    const scaled = [1, 2, 10, 20, 100, 200, 1, 2, 10, 20].map((v) => Math.fround(v * Math.fround(3 / 5)));
    expect(read(adapted, "conv1.weight")).toEqual({ shape: [1, 5, 1, 2], values: scaled });
  });

  test("an input that repeats one channel gives the response of grey RGB, whatever the number of channels", () => {
    const weights = fc.array(fc.integer({ min: -64, max: 64 }), { minLength: 24, maxLength: 24 });
    fc.assert(
      fc.property(weights, fc.constantFrom(1, 6, 12, 24), (values, inChans) => {
        const { shape, values: got } = read(
          adaptWeights(conv([2, 3, 2, 2], values), wanted({ inChans })),
          "conv1.weight",
        );
        expect(shape).toEqual([2, inChans, 2, 2]);
        const response = (w: number[], channels: number, o: number, at: number) =>
          Array.from({ length: channels }, (_, c) => w[(o * channels + c) * 4 + at] ?? Number.NaN).reduce(
            (a, b) => a + b,
          );
        for (const o of [0, 1]) {
          for (const at of [0, 1, 2, 3]) expect(response(got, inChans, o, at)).toBe(response(values, 3, o, at));
        }
      }),
    );
  });

  test("the result is rounded to the stored type", () => {
    const half = narrow("f16", Float32Array.of(2048, 1, 1));
    const source = fakeSource({ "conv1.weight": tensorData("f16", [1, 3, 1, 1], half) });
    const data = adaptWeights(source, wanted({ inChans: 1 })).source.get("conv1.weight") ?? expect.fail("missing");
    expect(data.dtype).toBe("f16");
    expect([...toFloat32(data)]).toEqual([2050]);
    const odd = fakeSource({
      "conv1.weight": tensorData("f16", [1, 3, 1, 1], narrow("f16", Float32Array.of(2048, 1, 0))),
    });
    expect(read(adaptWeights(odd, wanted({ inChans: 1 })), "conv1.weight").values).toEqual([2048]);
  });

  test("what cannot be adapted is withheld with its reason, and loading is no longer strict", () => {
    const cases = [
      [conv([2, 3], [1, 2, 3, 4, 5, 6]), 1, /f32\[2,3\] is no 2-D convolution/, null],
      [conv([1, 6, 1, 1], [1, 2, 3, 4, 5, 6]), 4, /6 input channels cannot be adapted to 4/, "in_chans=6"],
      [
        fakeSource({ "conv1.weight": tensorData("i8", [1, 3, 1, 1], new Int8Array(3)) }),
        1,
        /needs floats, not i8/,
        "in_chans=3",
      ],
    ] as const;
    for (const [source, inChans, reason, arg] of cases) {
      const adapted = adaptWeights(source, wanted({ inChans }));
      expect(adapted.withheld).toMatchObject([{ name: "conv1.weight", reason: expect.stringMatching(reason), arg }]);
      expect(adapted.strict).toBe(false);
      expect(adapted.source.get("conv1.weight")).toBeUndefined();
      expect([...adapted.source.keys()]).toEqual([]);
    }
  });

  test("a kernel of the model's channels stays as it is, and a folded one asks for its own channels", () => {
    const own = adaptWeights(conv([1, 4, 1, 1], [1, 2, 3, 4]), wanted({ inChans: 4, shape: () => [1, 4, 1, 1] }));
    expect(own).toMatchObject({ withheld: [], strict: true });
    expect(read(own, "conv1.weight")).toEqual({ shape: [1, 4, 1, 1], values: [1, 2, 3, 4] });
    expect([...own.changes]).toEqual([]);
    const folded = adaptWeights(
      conv([1, 16, 1, 1], Array(16).fill(1)),
      wanted({ inChans: 5, shape: () => [1, 20, 1, 1] }),
    );
    expect(folded.withheld).toMatchObject([{ arg: "in_chans=4", hint: expect.stringContaining("--arg in_chans=4") }]);
  });

  test("says what became of what", () => {
    const { changes } = adaptWeights(checkpoint(), wanted({ inChans: 1 }, { labelOffset: 1 }));
    expect(Object.fromEntries(changes)).toEqual({
      "conv1.weight": "3 input channels summed to 1",
      "fc.weight": "without its first row",
      "fc.bias": "without its first row",
    });
  });

  test("several first convolutions, none, and one that the weights lack", () => {
    const both = fakeSource({
      "a.weight": f32Data([1, 3, 1, 1], [1, 2, 3]),
      "b.weight": f32Data([1, 3, 1, 1], [4, 5, 6]),
    });
    const adapted = adaptWeights(both, wanted({ inChans: 1 }, { firstConv: ["a", "b"] }));
    expect([read(adapted, "a.weight").values, read(adapted, "b.weight").values]).toEqual([[6], [15]]);
    expect(adaptWeights(both, wanted({ inChans: 1 }, { firstConv: [] })).source.get("a.weight")?.shape[1]).toBe(3);
    const lacking = () => adaptWeights(fakeSource({ "conv_1.weight": f32Data([1], [1]) }), wanted({ inChans: 1 }));
    expect(lacking).toThrow(expect.objectContaining({ hint: expect.stringContaining("Nearest key: conv_1.weight") }));
  });
});

describe("classifier", () => {
  test.each([5, 0])("%i classes instead of 2: weight and bias are withheld", (numClasses) => {
    const adapted = adaptWeights(checkpoint(), wanted({ numClasses }));
    expect(adapted.withheld.map((w) => w.name)).toEqual(["fc.weight", "fc.bias"]);
    expect(adapted.withheld[0]?.reason).toBe(`the checkpoint's classifier has 2 classes, the model ${numClasses}`);
    expect([...adapted.source.keys()]).toEqual(["conv1.weight"]);
    expect(adapted.strict).toBe(false);
  });

  test("a file without a classifier is not said to have one", () => {
    const { withheld } = adaptWeights(checkpoint(), wanted({ numClasses: 5 }, { numClasses: undefined }));
    expect(withheld[0]).toMatchObject({ reason: "the file has no classifier", arg: "num_classes=0" });
  });

  test("equal classes stay strict; without a classifier in the configuration nothing is withheld", () => {
    expect(adaptWeights(checkpoint(), wanted({ numClasses: 0 }, { numClasses: 0 })).strict).toBe(true);
    expect(adaptWeights(checkpoint(), wanted({ numClasses: 9 }, { classifier: [] })).withheld).toEqual([]);
  });

  test("a label offset cuts leading rows of both", () => {
    const adapted = adaptWeights(checkpoint(), wanted({}, { labelOffset: 1 }));
    expect(read(adapted, "fc.weight")).toEqual({ shape: [1, 1], values: [8] });
    expect(read(adapted, "fc.bias")).toEqual({ shape: [1], values: [10] });
    expect(adapted.strict).toBe(true);
  });
});
