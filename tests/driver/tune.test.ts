import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { gpuTable } from "../../src/backends/kernel/table.ts";
import type { ThreadKernel } from "../../src/backends/kernel/thread.ts";
import { largest } from "../../src/backends/kernel/tune.ts";
import { compile } from "../../src/driver/compile.ts";
import type { KernelTimer } from "../../src/driver/kernel-timer.ts";
import { type TuneRequest, tune } from "../../src/driver/tune.ts";
import { tileSchema } from "../../src/driver/tile-schema.ts";
import { readTuning, tilesIn } from "../../src/driver/tuning.ts";
import { cli } from "../cli/run-cli.ts";
import { refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const model = { model: "test_resnet", inputSize: [3, 32, 32] as const };

/** A device on which a kernel takes what `of` says. */
const fakeTimer =
  (of: (kernel: ThreadKernel, i: number) => number | undefined, device = "fake") =>
  (): Promise<KernelTimer> =>
    Promise.resolve({
      device,
      prepare: (kernels) =>
        Promise.resolve(
          kernels.map((kernel, i) => {
            const ms = of(kernel, i);
            return ms === undefined ? undefined : { time: () => Promise.resolve(ms) };
          }),
        ),
      close: () => Promise.resolve(),
    });

const request = (out: string, of: (kernel: ThreadKernel, i: number) => number | undefined): TuneRequest => ({
  ...model,
  out,
  candidates: 6,
  rounds: 3,
  timer: fakeTimer(of),
});

describe("tune", () => {
  test("takes the fastest tile of each shape, and says what it gains", async () => {
    const report = await tune(request(at("fewer-threads.json"), ({ workgroup }) => workgroup));
    expect(report.device).toBe("fake");
    expect(report.ms).toBeLessThan(report.default_ms);
    for (const shape of report.shapes) expect(shape.ms).toBeLessThanOrEqual(shape.default_ms);
    const { shapes } = readTuning(at("fewer-threads.json"));
    expect(Object.keys(shapes)).toEqual(report.shapes.map((s) => s.shape).toSorted());
    expect(Object.values(shapes).some(({ ms, default_ms }) => ms < default_ms)).toBe(true);
  });

  test("keeps the table's tiles where no other is faster by more than noise", async () => {
    let kernels = 0;
    const report = await tune(request(at("same.json"), () => 1 + (kernels++ % 5) * 0.005));
    expect(report.ms).toBe(report.default_ms);
  });

  test("passes over what the device does not take, and refuses where that is the table's own", async () => {
    const some = await tune(request(at("some.json"), (_, i) => (i === 1 || i === 2 ? undefined : 10 - i)));
    expect(some.shapes.some(({ ms }) => ms < 8)).toBe(true);
    expect(some.shapes.map(({ ms }) => ms).filter((ms) => ms === 9 || ms === 8)).toEqual([]);
    expect(await refusal(tune(request(at("none.json"), () => undefined)))).toMatch(/^unsupported: .*does not take/);
  });

  test("adds to a file of the same device, and refuses one of another", async () => {
    const file = at("both.json");
    await tune(request(file, () => 1));
    const small = Object.keys(readTuning(file).shapes).length;
    await tune({ ...request(file, () => 1), inputSize: [3, 64, 64] });
    expect(Object.keys(readTuning(file).shapes).length).toBeGreaterThan(small);
    const other = tune({ ...request(file, () => 1), timer: fakeTimer(() => 1, "another") });
    expect(await refusal(other)).toMatch(/^usage: .*the file is of another device: fake, and this is another/);
  });

  test("ends when it is interrupted, and leaves no file", async () => {
    const abort = new AbortController();
    const stopping = request(at("stopped.json"), () => {
      abort.abort();
      return 1;
    });
    expect(await refusal(tune({ ...stopping, signal: abort.signal }))).toMatch(/^interrupted/);
    expect(() => readFileSync(at("stopped.json"))).toThrow();
  });
});

describe("tuning files", () => {
  test("cut the kernels of a compile, which gives the same bytes each time", async () => {
    await tune(request(at("tuning.json"), ({ workgroup }) => workgroup));
    const tiles = tilesIn(readTuning(at("tuning.json")));
    const made = async (folder: string, given: typeof tiles | undefined): Promise<string> => {
      const tuned = { ...model, weights: "synthetic", target: "webgpu", tiles: given } as const;
      const { target } = await compile({ ...tuned, out: at(folder) });
      expect("tiles" in target ? target.tiles : undefined).toEqual(given && expect.objectContaining({}));
      return readFileSync(at(`${folder}/plan.json`), "utf8");
    };
    const plain = await made("plain", undefined);
    expect(await made("a", tiles)).not.toBe(plain);
    expect(await made("b", tiles)).toBe(await made("a", tiles));
  });

  test("say so where they fit no kernel", async () => {
    const tiles = { "another shape": { ...largest, columnThreads: 1, rowThreads: 1, split: 1 } };
    const idle = /tuning file has no effect/;
    const notices = async (given: typeof tiles | undefined): Promise<string> =>
      (await compile({ ...model, weights: "none", target: "webgpu", tiles: given, out: at("idle") })).notices.join(
        "; ",
      );
    expect(await notices(tiles)).toMatch(idle);
    expect(await notices(undefined)).not.toMatch(idle);
  });

  test("are checked when they are read", async () => {
    const read = (text: string): Promise<string> => {
      writeFileSync(at("bad.json"), text);
      return refusal(Promise.resolve().then(() => readTuning(at("bad.json"))));
    };
    expect(await read("{")).toMatch(/^io: .*bad.json: this is no tuning file/);
    expect(await read("[]")).toMatch(/^io: .*this is no tuning file/);
    expect(await read('{"tuning_version":2}')).toMatch(/^unsupported: .*version 2/);
    const tile = { columns: 3, columnThreads: 1, rows: 1, rowThreads: 1, split: 1, unroll: 0, depth: 1, stages: 0 };
    const shapes = { x: { tile, ms: 1, default_ms: 1 } };
    const text = JSON.stringify({ tuning_version: 1, target: "webgpu", device: "d", shapes });
    expect(await read(text)).toMatch(/^io: .*shapes.x.tile.columns: must be a power of two/);
    for (const [name, most] of Object.entries(largest))
      expect(await read(text.replace(new RegExp(`"${name}":\\d+`), `"${name}":${2 * most + 1}`))).toMatch(
        new RegExp(`^io: .*shapes.x.tile.(columns|${name}): `),
      );
  });

  test("take what the table itself gives", () => {
    for (const { share: _, workgroup, ...tile } of Object.values(gpuTable.classes))
      expect(tileSchema.safeParse({ ...tile, rowThreads: workgroup }).success).toBe(true);
  });

  test("cannot make kernels without end", async () => {
    const file = at("endless.json");
    await tune({ ...request(file, () => 1), candidates: 1, inputSize: [3, 128, 128] });
    const all = { ...largest, columnThreads: 1, rowThreads: 1, split: 1 };
    const tiles = Object.fromEntries(Object.keys(tilesIn(readTuning(file))).map((shape) => [shape, all]));
    const given = { ...model, inputSize: [3, 128, 128] as const, weights: "none", target: "webgpu", tiles } as const;
    expect(await refusal(compile({ ...given, out: at("endless") }))).toMatch(/a measured tile gives each thread \d+/);
  });

  test("are refused beside --precision fp16, whose kernels were not measured", async () => {
    await tune(request(at("fp32.json"), () => 1));
    const args = ["--target", "webgpu", "--tuning", at("fp32.json"), "--weights", "none", "-o", at("refused")];
    const { status, err } = await cli(["compile", "test_resnet", "--precision", "fp16", ...args]);
    expect([status, err]).toEqual([2, expect.stringContaining("--precision fp16 does not take --tuning")]);
  });

  test("are refused by targets without such kernels", async () => {
    await tune(request(at("any.json"), () => 1));
    for (const target of ["onnx", "cuda"]) {
      const args = ["--target", target, "--tuning", at("any.json"), "--weights", "none", "-o", at("refused")];
      const { status, err } = await cli(["compile", "test_resnet", ...args]);
      expect([status, err]).toEqual([2, expect.stringContaining(`the target ${target} does not take --tuning`)]);
    }
  });
});
