import { describe, expect, it } from "vitest";
import type { ListRow } from "../../src/driver/list.ts";
import { benchmarks, listArchitectures, pretrainedTags } from "../../src/frontend/registry.ts";
import { cli, cliJson } from "./run-cli.ts";

const rows = async (...args: string[]) => (await cliJson("list", ...args)) as ListRow[];

describe("list", () => {
  it("has a row per tag, and one with an empty tag where an architecture has none, in timm's order", async () => {
    const expected = listArchitectures().flatMap((a) => pretrainedTags(a).map((tag) => [a, tag]));
    const listed = await rows();
    expect(listed.map((r) => [r.architecture, r.tag])).toEqual(expected);
    expect(new Set(listed.map((r) => r.architecture)).size).toBe(1302);
    expect(listed.some((r) => r.tag === "")).toBe(true);
  });

  it("says of a row what timm publishes, in the units of the contract", async () => {
    const [first] = await rows("resnet50.a1_in1k");
    expect(first).toEqual({
      architecture: "resnet50",
      tag: "a1_in1k",
      family: "resnet",
      supported: true,
      reason: null,
      top1: benchmarks("resnet50.a1_in1k")?.top1,
      params: 25.56,
      gmacs: 4.11,
      licence: "apache-2.0",
    });
  });

  it("gives a reason exactly where a row is not supported", async () => {
    const all = await rows();
    expect(all.every((r) => r.supported === (r.reason === null))).toBe(true);
    expect(await rows("--supported")).toEqual(all.filter((r) => r.supported));
    expect(all.find((r) => r.family === "xcit")?.reason).toBe("the family xcit is not defined yet");
  });

  it("filters by family and by weights", async () => {
    const families = await rows("--family", "vgg,deit");
    expect(new Set(families.map((r) => r.family))).toEqual(new Set(["vgg", "deit"]));
    const trained = await rows("--family", "resnet", "--pretrained");
    expect(trained.map((r) => r.architecture)).not.toContain("resnet200");
    expect(trained.length).toBeGreaterThan(0);
  });

  it.each(["top1", "params", "gmacs"] as const)("sorts by %s, rows without the number last", async (key) => {
    const numbers = (await rows("vit_*", "--sort", key)).map((r) => r[key]);
    const known = numbers.filter((n) => n !== null);
    expect(known.length).toBeGreaterThan(10);
    expect(numbers.slice(0, known.length)).toEqual(known);
    expect(known).toEqual(known.toSorted((a, b) => (key === "top1" ? b - a : a - b)));
  });

  it("prints an aligned table for people", async () => {
    const { out, err } = await cli(["list", "resnet18.a?_in1k"]);
    expect(err).toBe("");
    expect(out).toMatchInlineSnapshot(`
      "model             family  supported   top1  params M  GMACs  licence
      resnet18.a1_in1k  resnet  yes        71.50     11.69   1.82  apache-2.0
      resnet18.a2_in1k  resnet  yes        70.63     11.69   1.82  apache-2.0
      resnet18.a3_in1k  resnet  yes        65.67     11.69   0.93  apache-2.0
      "
    `);
  });

  it("suggests names where a plain pattern matches nothing, and succeeds", async () => {
    const named = await cli(["list", "resnett50"]);
    expect(named).toMatchObject({ status: 0, out: "" });
    expect(named.err).toMatch(/^note: no model matches "resnett50". Did you mean "resnet50"/);
    expect(await cli(["list", "zzz*"])).toEqual({ status: 0, out: "", err: "note: no model matches\n" });
    expect(await rows("zzz*")).toEqual([]);
  });
});
