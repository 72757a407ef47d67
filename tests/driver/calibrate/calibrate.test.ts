import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { calibrate } from "../../../src/driver/calibrate/calibrate.ts";
import { readCalibration } from "../../../src/driver/calibrate/read-calibration.ts";
import { Spread } from "../../../src/driver/calibrate/histogram.ts";
import { type Method, spanOf } from "../../../src/driver/calibrate/method.ts";
import { evenly, picturesOf } from "../../../src/driver/calibrate/pictures.ts";
import { lowerRequest } from "../../../src/driver/lower-request.ts";
import { pipelineOf } from "../../../src/driver/pipeline.ts";
import { decodeImage } from "../../../src/frontend/preprocess/decode.ts";
import { preprocessPixels } from "../../../src/frontend/preprocess/transform.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { fingerprint } from "../../../src/passes/precision/fingerprint.ts";
import { pictures, refusal, shapesModel, temporaryFolder } from "../workspace.ts";

const place = temporaryFolder();
const model = `local-dir:${shapesModel}`;
const request = { model, pictures: [pictures], precision: "fp16" } as const;

describe("the file", () => {
  it("has ranges of the graph that is compiled, and pictures that no range has seen; the same bytes again", async () => {
    const [a, b] = [place("a.json"), place("b.json")];
    const report = await calibrate({ ...request, out: a });
    await calibrate({ ...request, out: b });
    expect(readFileSync(b)).toEqual(readFileSync(a));
    const { calibration, pictures: check, inputSize, sha256 } = readCalibration(a);
    expect(sha256).toBe(report.sha256);
    expect([report.images, report.check, check.length]).toEqual([16, 4, 4]);
    const { lowered, resolved } = await lowerRequest({ model, batch: 3 });
    runPipeline(lowered.graph, pipelineOf("O2"));
    expect(fingerprint(lowered.graph)).toBe(calibration.graph);
    expect(inputSize).toEqual(resolved.inputSize);
    const paths = picturesOf([pictures]);
    for (const [i, at] of evenly(paths.length, 4).entries())
      expect(
        Buffer.compare(check[i] ?? Buffer.of(), preprocessPixels(await decodeImage(paths[at] ?? ""), resolved.data)),
      ).toBe(0);
    for (const { min, max, low, high } of Object.values(calibration.ranges))
      expect([min <= low, low <= high, high <= max]).toEqual([true, true, true]);
  });

  it("is refused where it is damaged, larger than it says, or of another version", async () => {
    const path = place("whole.json");
    await calibrate({ ...request, out: path, samples: 4 });
    const whole = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    const read = async (change: Readonly<Record<string, unknown>>): Promise<string> => {
      const other = place("other.json");
      writeFileSync(other, JSON.stringify({ ...whole, ...change }));
      return refusal(Promise.resolve().then(() => readCalibration(other)));
    };
    const bomb = deflateRawSync(Buffer.alloc(64 * 2 ** 20)).toString("base64");
    expect(await read({})).toBe("no refusal");
    expect(await read({ check: { names: ["a.png"], pixels: bomb } })).toMatch(/^io: .*check\.pixels/);
    expect(await read({ check: { names: ["a.png"], pixels: "" } })).toMatch(/^io: .*check\.pixels/);
    expect(await read({ ranges: { x: [0, 1, 2, 3] } })).toMatch(/^io: .*ranges\.x: its numbers are not in order/);
    expect(await read({ calibration_version: 2 })).toMatch(/^unsupported: .*version 2/);
    expect(await read({ more: 1 })).toMatch(/^io: /);
  });
});

describe("what is refused", () => {
  it("names what is wrong, and leaves no file", async () => {
    const out = place("none.json");
    const empty = place("empty");
    mkdirSync(empty);
    const broken = join(empty, "broken.txt");
    writeFileSync(broken, "no picture");
    const answer = (change: object): Promise<string> => refusal(calibrate({ ...request, ...change, out }));
    expect(await answer({ pictures: [empty] })).toMatch(/^usage: .*the folders hold no pictures/);
    expect(await answer({ pictures: [place("absent")] })).toMatch(/^io: .*absent: it cannot be read/);
    expect(await answer({ pictures: [broken, broken] })).toMatch(/^io: .*broken\.txt: not a picture/);
    expect(await answer({ samples: 1 })).toMatch(/^usage: one picture cannot both give ranges and check them/);
    expect(await answer({ weights: "none" })).toMatch(/^usage: a network without weights has no ranges/);
    expect(await answer({ precision: "int8", onnxOps: "ort" })).toMatch(/^usage: --precision int8 takes the standard/);
    expect(() => readFileSync(out)).toThrow(/ENOENT/);
  });
});

describe("methods", () => {
  const seen = (numbers: Float32Array): Spread => {
    const spread = new Spread();
    expect(spread.see(numbers)).toBe(true);
    spread.count(numbers);
    return spread;
  };
  const span = (numbers: Float32Array, method: Method, percentile = 99.99) => {
    const histogram = seen(numbers).histogram();
    return histogram === undefined ? undefined : spanOf(histogram, method, percentile);
  };
  /** A bell with one number far outside. */
  const bell = Float32Array.from({ length: 100_001 }, (_, i) =>
    i === 0 ? 100 : Math.sin(i) + Math.sin(1.7 * i) + Math.sin(2.3 * i),
  );

  it("min-max keeps everything, the others leave a far number out and keep the bell", () => {
    expect(span(bell, "min-max")?.high).toBe(100);
    for (const method of ["percentile", "entropy"] as const) {
      const { low = 0, high = 0 } = span(bell, method) ?? {};
      expect(high).toBeGreaterThan(1.5);
      expect(high).toBeLessThan(20);
      expect(low).toBeGreaterThanOrEqual(-3);
      expect(low).toBeLessThan(-1.5);
    }
    expect(span(bell, "percentile", 100)?.high).toBe(100);
  });

  it("one number alone is its own range, and none has no range; NaN and infinities are told", () => {
    for (const method of ["min-max", "percentile", "entropy"] as const)
      expect(span(Float32Array.of(2, 2, 2), method)).toEqual({ low: 2, high: 2 });
    expect(new Spread().histogram()).toBeUndefined();
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(new Spread().see(Float32Array.of(1, odd, 2))).toBe(false);
  });
});

it("int8 finds what is to stay in float, by names of the graph", async () => {
  const out = place("int8.json");
  const report = await calibrate({ model, pictures: [pictures], out });
  expect(report.sensitivity).toMatchObject({ met: true, left: 0, trials: 1 });
  expect(report.sensitivity?.error).toBeLessThan(0.1);
});
