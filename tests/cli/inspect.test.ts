import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Inspection } from "../../src/driver/inspect.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { cli, cliJson } from "./run-cli.ts";

const json = async (...args: string[]) => (await cliJson("inspect", ...args)) as Inspection;

describe("inspect --json", () => {
  it("has the contract's fields", async () => {
    const report = await json("test_resnet", "--weights", "none", "--taps", "logits,features.1");
    expect(Object.keys(report)).toEqual(
      expect.arrayContaining([
        "architecture",
        "parameters",
        "buffers",
        "params",
        "macs",
        "input",
        "features",
        "outputs",
      ]),
    );
    expect(report.parameters[0]).toEqual({ name: "conv1.0.weight", shape: [16, 3, 3, 3] });
    expect(report.buffers.every((b) => /running_|num_batches/.test(b.name))).toBe(true);
    expect(report.input).toEqual({ name: "input", dtype: "f32", shape: [null, 3, 160, 160] });
    expect(report.features[1]).toMatchObject({
      index: 1,
      module: "layer1",
      reduction: 4,
      format: "NCHW",
      default: true,
    });
    expect(report.outputs.map((o) => o.name)).toEqual(["logits", "features.1"]);
    expect(report).not.toHaveProperty("ir");
  });

  it("marks what features selects", async () => {
    const selected = async (...args: string[]) =>
      (await json("test_vit", ...args)).features.filter((f) => f.default).map((f) => f.index);
    const all = (await json("test_vit")).features.length;
    expect(await selected()).toEqual([all - 3, all - 2, all - 1]);
    expect(await selected("--arg", "out_indices=[0,-1]")).toEqual([0, all - 1]);
  });

  it("says which stages cannot be compiled, and why", async () => {
    const { features } = await json("tresnet_m");
    expect(features.map((f) => f.refused)).toEqual(["timm states no module for it", ...Array(4).fill(undefined)]);
    const { out } = await cli(["inspect", "tresnet_m"]);
    expect(out).toMatch(/^x {2}features\.0 {2}- /m);
    expect(out).toContain("x features.0 cannot be compiled: timm states no module for it");
  });

  it("counts costs per image, whatever the batch", async () => {
    const dynamic = await json("test_resnet");
    const fixed = await json("test_resnet", "--batch", "3");
    expect(fixed.macs).toBe(dynamic.macs);
    const costs = (r: Inspection) => r.features.map((f) => [f.macs, f.params, f.bytes]);
    expect(costs(fixed)).toEqual(costs(dynamic));
    expect(fixed.input.shape[0]).toBe(3);
    expect(dynamic.features[0]?.bytes).toBe(
      dynamic.features[0]?.shape.slice(1).reduce<number>((n, d) => n * Number(d), 4),
    );
  });
});

describe("inspect --html", () => {
  const path = temporaryFolder();

  it("writes one page, and says so on stderr", async () => {
    const file = path("page.html");
    const { status, out, err } = await cli(["inspect", "test_resnet", "--html", file, "--after", "fold-batch-norm"]);
    expect({ status, out }).toEqual({ status: 0, out: "" });
    expect(err).toMatch(/page\.html: \d+ modules, \d+(?:\.\d+)? KiB\n$/);
    const page = readFileSync(file, "utf8");
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain("-O2, after fold-batch-norm");
    expect(page).not.toMatch(/(?:src|href)="(?!#)|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  });

  it("says where it cannot write", async () => {
    const { status, err } = await cli(["inspect", "test_resnet", "--html", path("none/page.html")]);
    expect(status).toBe(1);
    expect(err).toContain("none");
  });
});

describe("inspect --ir", () => {
  it("prints the graph of -O0, which reads back", async () => {
    const { out, err } = await cli(["inspect", "test_resnet", "--ir"]);
    expect(err).toBe("");
    expect(printGraph(parseGraph(out))).toBe(out);
    expect(out).toContain("batch_norm(");
    expect(out).toContain('return "logits" = %fc');
  });

  it("prints the graph after a pass of -O2", async () => {
    const { out } = await cli(["inspect", "test_resnet", "--ir", "--after", "fold-batch-norm"]);
    expect(out).not.toContain("batch_norm(");
    expect(out).toContain("by fold-batch-norm");
  });

  it("is one more field with --json", async () => {
    const report = await json("test_resnet", "--ir");
    expect(report.ir).toBe((await cli(["inspect", "test_resnet", "--ir"])).out);
    expect(report.features).toEqual((await json("test_resnet")).features);
  });
});

it("prints the stage table and the outputs for people", async () => {
  const { out } = await cli(["inspect", "test_resnet", "--taps", "features.2,logits"]);
  expect(out).toMatchInlineSnapshot(`
    "test_resnet.r160_in1k (resnet)
    470 k parameters, 104 M MACs, input f32[N,3,160,160]

       tap         module  channels  reduction  shape          format    MACs  params    output
    *  features.0  act1          32          2  [N,32,80,80]   NCHW    47.8 M  7.47 k   800 KiB
    *  features.1  layer1        32          4  [N,32,40,40]   NCHW    77.5 M  26.0 k   200 KiB
    *  features.2  layer2        48          8  [N,48,20,20]   NCHW    92.1 M  62.4 k  75.0 KiB
    *  features.3  layer3       192         16  [N,192,10,10]  NCHW    97.0 M   105 k  75.0 KiB
    *  features.4  layer4        96         32  [N,96,5,5]     NCHW     104 M   373 k  9.38 KiB
    * what the tap features selects; MACs and params up to the stage, and its output's bytes, per image

    output      type             module  format
    features.2  f32[N,48,20,20]  layer2  NCHW
    logits      f32[N,1000]      -       -
    "
  `);
});

it("says what timm ignores: a note for people, a field for programs", async () => {
  const args = ["swin_tiny_patch4_window7_224", "--arg", "ape=true"];
  const { err } = await cli(["inspect", ...args]);
  expect(err).toBe("note: ape has no effect: timm accepts and ignores it here\n");
  expect((await json(...args)).notices).toEqual(["ape has no effect: timm accepts and ignores it here"]);
});

it("costs do not depend on --batch", async () => {
  const costs = async (...args: string[]) => {
    const { macs, features } = (await cliJson("inspect", "test_vit", ...args)) as Inspection;
    return { macs, features: features.map((f) => [f.macs, f.params, f.bytes]) };
  };
  const expected = await costs();
  expect(await costs("--batch", "1")).toEqual(expected);
  expect(await costs("--batch", "3")).toEqual(expected);
});
