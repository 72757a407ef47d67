import { describe, expect, it } from "vitest";
import { inspect } from "../../src/driver/inspect.ts";
import type { KernelReport } from "../../src/driver/kernel-facts.ts";
import { cli, cliJson } from "../cli/run-cli.ts";

const kernelsOf = async (model: string, request: Parameters<typeof inspect>[0] = { model }): Promise<KernelReport> => {
  const { kernels } = await inspect({ target: "webgpu", kernels: {}, ...request });
  if (kernels === undefined) throw new Error("there is no report");
  return kernels;
};

describe("the report on kernels", () => {
  it("says what each kernel of a network computes, reads and writes", async () => {
    const { steps, totals, batch, target } = await kernelsOf("test_resnet");
    expect([batch, target]).toEqual([1, "webgpu"]);
    expect(steps.map((s) => s.step)).toEqual(steps.map((_, i) => i));
    expect(steps[0]).toMatchObject({ module: "conv1.2", computes: ["conv", "relu"], weight_bytes: 4 * (27 + 1) * 16 });
    expect(steps.at(-1)).toMatchObject({ module: "fc", computes: ["linear"], bytes_written: 4 * 1000 });
    for (const key of ["bytes_read", "weight_bytes", "bytes_written", "flops"] as const)
      expect(totals[key]).toBe(steps.reduce((n, s) => n + s[key], 0));
  });

  it("counts all the arithmetic of the network", async () => {
    const { macs, kernels } = await inspect({ model: "test_resnet", target: "webgpu", kernels: {} });
    expect(kernels?.totals.flops).toBeGreaterThan(2 * macs * 0.99);
    expect(kernels?.totals.flops).toBeLessThan(2 * macs * 1.5);
  });

  it.each(["test_resnet", "test_vit", "test_efficientnet"])("%s: tensors never overlap", async (model) => {
    const { arena, steps } = await kernelsOf(model);
    expect(arena.bytes).toBeGreaterThanOrEqual(arena.lower_bound);
    arena.tensors.forEach((a, i) => {
      expect(a.from).toBeLessThanOrEqual(a.to);
      expect(a.offset + a.bytes).toBeLessThanOrEqual(arena.bytes);
      for (const b of arena.tensors.slice(i + 1)) {
        const meet = a.from <= b.to && b.from <= a.to && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
        expect(meet, `${a.name} and ${b.name}`).toBe(false);
      }
    });
    expect(arena.tensors.filter((t) => t.kind === "input")).toMatchObject([{ from: -1 }]);
    expect(arena.tensors.filter((t) => t.output)).toMatchObject([{ to: steps.length }]);
    const stored = steps.map((s) => s.name).filter((name) => arena.tensors.some((t) => t.name === name));
    expect(stored.length).toBeGreaterThan(0.9 * steps.length);
  });

  it("binds ranges of the weights and of the arena, with one that is written", async () => {
    const { steps, arena } = await kernelsOf("test_vit");
    for (const { bindings, name } of steps) {
      expect(
        bindings.filter((b) => b.access === "write"),
        name,
      ).toHaveLength(1);
      for (const b of bindings.filter((b) => b.memory === "arena"))
        expect(b.offset + b.bytes, name).toBeLessThanOrEqual(arena.bytes);
    }
  });

  it("goes by the batch, the level, the target and the precision", async () => {
    const [one, two] = await Promise.all([
      kernelsOf("test_resnet"),
      kernelsOf("test_resnet", { model: "test_resnet", batch: 2 }),
    ]);
    expect(two.batch).toBe(2);
    expect(two.totals.bytes_written).toBe(2 * one.totals.bytes_written);
    expect(two.totals.weight_bytes).toBe(one.totals.weight_bytes);
    const plain = await kernelsOf("", { model: "test_resnet", kernels: { optimization: "O1" }, target: "cuda" });
    expect(plain.target).toBe("cuda");
    const half = await kernelsOf("", { model: "test_resnet", kernels: { precision: "fp16" } });
    expect(half.totals.weight_bytes).toBeLessThan(0.55 * one.totals.weight_bytes);
    expect(plain.totals.flops).toBeGreaterThanOrEqual(one.totals.flops);
  });
});

describe("inspect --kernels", () => {
  it("prints one line per kernel, the totals and the arena", async () => {
    const { status, out } = await cli(["inspect", "test_resnet", "--target", "webgpu", "--kernels"]);
    expect(status).toBe(0);
    const { steps, arena } = await kernelsOf("test_resnet");
    expect(out).toMatch(
      new RegExp(
        `^${steps.length} kernels for webgpu in fp32 at batch 1\\narena .* for ${arena.tensors.length} tensors`,
      ),
    );
    expect(out).toMatch(/^ 0 {2}conv1\.2 +conv \+ relu +\d+x\d+x\d+ +\d+ .*KiB/m);
    expect(out).toMatch(/^ +total +/m);
  });

  it("is the same as JSON", async () => {
    const printed = await cliJson("inspect", "test_resnet", "--target", "webgpu", "--kernels");
    expect(printed).toMatchObject({ architecture: "test_resnet", kernels: await kernelsOf("test_resnet") });
  });

  it.each([
    [["--kernels"], "the target onnx has no kernels of timmc's\n  Use --target webgpu or cuda."],
    [["--target", "webgpu", "-O", "1"], "-O LEVEL needs --ir, --kernels or --html"],
    [["--target", "webgpu", "--kernels", "--ir"], "cannot be used with"],
    [["--target", "webgpu", "--kernels", "--after", "layout"], "--after PASS needs --ir or --html"],
  ])("refuses %j", async (options, message) => {
    const { status, err } = await cli(["inspect", "test_resnet", ...options]);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  it("refuses a request of the library with an unknown key", async () => {
    const kernels = { level: "O1" } as unknown as object;
    const { inspect: checked } = await import("../../src/index.ts");
    await expect(checked({ model: "test_resnet", target: "webgpu", kernels })).rejects.toThrow(/level/);
  });
});
