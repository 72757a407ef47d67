import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ClassScore } from "../../src/driver/run-report.ts";
import { runImages, runTensor } from "../../src/driver/run.ts";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { formatNpy, readNpy } from "../../src/runtime/npy.ts";
import { compileTiny, pictures, refusal, shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const local = { model: `local-dir:${shapesModel}`, weights: "pretrained", inputSize: undefined } as const;
const picture = (name: string): string => join(pictures, name);

type Expected = Readonly<Record<string, { logits: readonly number[]; top1: string; probability: number }>>;
const expected = JSON.parse(readFileSync(join(shapesModel, "expected.json"), "utf8")) as Expected;
const names = Object.keys(expected);

beforeAll(async () => {
  await compileTiny(at("shapes"), { ...local, taps: ["logits", "features.1"] });
  await compileTiny(at("fixed"), { ...local, batch: 3 });
  await compileTiny(at("taps"), { taps: ["features.0", "module:layer1.0"] });
});

const logitsOf = (top: readonly ClassScore[] | null): number[] =>
  (top ?? []).toSorted((a, b) => a.index - b.index).map((c) => c.logit);

describe("pictures", () => {
  /** 20 pictures are two batches of 8 and one of 4, and at a fixed batch of 3 the last one is filled up. */
  test.each(["shapes", "fixed"])("the logits that timm gives on PyTorch: %s", async (artifact) => {
    const reports = await runImages(at(artifact), names.map(picture), { top: 10 });
    expect(reports.map((r) => r.image)).toEqual(names.map(picture));
    for (const [index, { top }] of reports.entries()) {
      const want = expected[names[index] ?? ""];
      if (want === undefined) expect.fail();
      expect(top?.[0]?.label).toBe(want.top1);
      expect(Math.abs((top?.[0]?.probability ?? 0) - want.probability)).toBeLessThan(1e-4);
      const logits = logitsOf(top);
      const error = logits.reduce((m, v, i) => Math.max(m, Math.abs(v - (want.logits[i] ?? NaN))), 0);
      expect(error).toBeLessThan(1e-3);
      expect(logits).toHaveLength(10);
    }
  });

  test("summaries are those of the one picture", async () => {
    const [name = ""] = names;
    const [alone] = await runImages(at("shapes"), [picture(name)]);
    const [, , together] = await runImages(at("shapes"), [...names.slice(1, 3), name].map(picture));
    expect(alone?.top).toHaveLength(5);
    expect(alone?.outputs.map((o) => [o.name, o.shape])).toEqual([
      ["logits", [1, 10]],
      ["features.1", [1, 32, 24, 24]],
    ]);
    for (const [i, o] of (alone?.outputs ?? []).entries()) {
      expect(together?.outputs[i]?.shape).toEqual(o.shape);
      expect(together?.outputs[i]?.std).toBeCloseTo(o.std ?? NaN, 4);
    }
  });

  test("an artifact without logits gives summaries alone", async () => {
    const [report] = await runImages(at("taps"), [picture("star-1.png")]);
    expect(report?.top).toBeNull();
    expect(report?.outputs.map((o) => o.name)).toEqual(["features.0", "module:layer1.0"]);
  });

  test("classes without names have their index", async () => {
    await compileTiny(at("thousand"));
    const [report] = await runImages(at("thousand"), [picture("star-1.png")], { top: 3 });
    expect(report?.top).toHaveLength(3);
    expect(report?.top?.[0]?.label).toBeNull();
  });

  test("errors name the picture or the folder", async () => {
    writeFileSync(at("broken.png"), "no picture");
    expect(await refusal(runImages(at("taps"), [at("broken.png")]))).toMatch(/^io: .*broken\.png: not a picture/);
    expect(await refusal(runImages(at("taps"), [at("absent.png")]))).toMatch(/absent\.png: no such file/);
    await compileTiny(at("none"), { weights: "none" });
    expect(await refusal(runImages(at("none"), [picture("star-1.png")]))).toMatch(/^weights: .*has no weights/);
    const stopped = { signal: AbortSignal.abort() };
    expect(await refusal(runImages(at("taps"), [picture("star-1.png")], stopped))).toMatch(/^interrupted: /);
  });
});

describe("a raw input", () => {
  const input = (name: string, shape: readonly number[]): string => {
    writeFileSync(at(name), formatNpy({ dtype: "f32", shape, data: syntheticInput(shape) }));
    return at(name);
  };

  test("gives every output as .npy, and an index of the files", async () => {
    const report = await runTensor(at("taps"), input("two.npy", [2, 3, 64, 64]), { save: at("out/put") });
    expect(readdirSync(at("out/put")).sort()).toEqual(["features.0.npy", "module_layer1.0.npy", "outputs.json"]);
    expect(JSON.parse(readFileSync(at("out/put/outputs.json"), "utf8"))).toEqual({
      "features.0": "features.0.npy",
      "module:layer1.0": "module_layer1.0.npy",
    });
    for (const { name, file, shape, min, max } of report.outputs) {
      const saved = readNpy(join(at("out/put"), file ?? ""));
      expect(saved.shape).toEqual(shape);
      const values = Array.from(saved.data as Float32Array);
      expect([Math.min(...values), Math.max(...values)], name).toEqual([min, max]);
    }
  });

  test("is not written anywhere without --save", async () => {
    const report = await runTensor(at("taps"), input("one.npy", [1, 3, 64, 64]));
    expect(report.outputs.map((o) => o.file)).toEqual([null, null]);
  });

  test.each([
    [[1, 3, 64, 65], /usage: .*wide\.npy: the tensor is f32\[1,3,64,65\]; the artifact takes f32\[N,3,64,64\]/],
    [[1, 1, 64, 64], /the tensor is f32\[1,1,64,64\]/],
    [[0, 3, 64, 64], /the tensor is f32\[0,3,64,64\]; the artifact takes f32\[N,3,64,64\], N at least 1\n/],
  ])("of shape %j is refused", async (shape, message) => {
    expect(await refusal(runTensor(at("taps"), input("wide.npy", shape)))).toMatch(message);
  });

  test("of another type or rank is refused", async () => {
    writeFileSync(
      at("f64.npy"),
      formatNpy({ dtype: "f64", shape: [1, 3, 64, 64], data: new Float64Array(3 * 64 * 64) }),
    );
    expect(await refusal(runTensor(at("taps"), at("f64.npy")))).toMatch(/the tensor is f64\[1,3,64,64\]/);
    writeFileSync(at("flat.npy"), formatNpy({ dtype: "f32", shape: [3], data: new Float32Array(3) }));
    expect(await refusal(runTensor(at("taps"), at("flat.npy")))).toMatch(/the tensor is f32\[3\]/);
    expect(await refusal(runTensor(at("fixed"), input("four.npy", [4, 3, 96, 96])))).toMatch(/f32\[3,3,96,96\]/);
  });

  test("is not run where the outputs cannot be written", async () => {
    writeFileSync(at("blocked"), "");
    const run = runTensor(at("taps"), input("one.npy", [1, 3, 64, 64]), { save: at("blocked") });
    expect(await refusal(run)).toMatch(/^io: .*blocked: cannot write the folder/);
    expect(existsSync(at("blocked/outputs.json"))).toBe(false);
  });
});
