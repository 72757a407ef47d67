import { tmpdir } from "node:os";
import { readFileSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import type { ListRow } from "../../src/driver/list.ts";
import type { Contradiction } from "../../src/frontend/names/validate.ts";
import { coverageOf } from "../../src/frontend/coverage.ts";
import { benchmarks, listArchitectures, pretrainedTags } from "../../src/frontend/registry.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { cli, cliJson } from "./run-cli.ts";

const temporary = temporaryFolder();
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
      input_size: [3, 224, 224],
      data: ["in1k"],
      coverage: coverageOf("resnet50"),
    });
  });

  it("gives a reason exactly where a row is not supported", async () => {
    const all = await rows();
    expect(all.every((r) => r.supported === (r.reason === null))).toBe(true);
    expect(await rows("--supported")).toEqual(all.filter((r) => r.supported));
    const refused = all.filter((r) => r.family === "gemma4_vit");
    expect(refused.map((r) => r.reason)).toEqual(
      Array.from({ length: 4 }, () => expect.stringContaining("gemma4_vit is refused: its input is a dictionary")),
    );
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

  it("says with --supported which records hold it, and sums them up", async () => {
    const { out, err } = await cli(["list", "csatv2*", "--supported"]);
    expect(out).toMatchInlineSnapshot(`
      "model                    family  top1  params M  GMACs  structure  numerics  features  options  licence
      csatv2.r512_in1k         csatv2     -     11.10   1.39        1/1       1/1       1/1        -  -
      csatv2_21m.sw_r640_in1k  csatv2     -     20.70   4.72        1/1       1/1       1/1        -  -
      csatv2_21m.sw_r512_in1k  csatv2     -     20.70   2.94        1/1       1/1       1/1        -  -
      "
    `);
    expect(err).toBe("2 of 2 architectures on record; in full: structure 2/2, numerics 2/2, features 2/2, options -\n");
    const all = await rows("csatv2*");
    expect(all.map(({ coverage }) => coverage?.numerics)).toEqual(all.map(() => ({ records: 1, rounding: 0 })));
  });

  it("counts the rows that a limit leaves out for lack of a number", async () => {
    const limits = ["vit_*", "--max-params", "10", "--min-top1", "70"];
    const all = await rows("vit_*");
    const known = all.filter((r) => r.params !== null && r.top1 !== null && r.params <= 10 && r.top1 >= 70);
    const possible = all.filter((r) => (r.params ?? 0) <= 10 && (r.top1 ?? 100) >= 70);
    expect(await rows(...limits)).toEqual(known);
    expect(possible.length).toBeGreaterThan(known.length);
    const note = `note: ${possible.length - known.length} rows left out: no published number\n`;
    expect((await cli(["list", ...limits])).err).toBe(note);
    expect((await cli(["list", ...limits, "--json"])).err).toBe(note);
    expect((await cli(["list", "vit_*", "--license", "mit"])).err).toBe("");
  });

  it("refuses a page that has no name, or that of a folder, before anything is written", async () => {
    const [none, folder] = [await cli(["list", "--html", ""]), await cli(["list", "resnet18", "--html", tmpdir()])];
    expect(none).toMatchObject({ status: 2, out: "" });
    expect(none.err).toContain("--html names no file");
    expect(folder).toMatchObject({ status: 1, out: "" });
    expect(folder.err).toContain(`${tmpdir()}: this is a folder, not a file`);
  });

  it("suggests names where a plain pattern matches nothing, and succeeds", async () => {
    const named = await cli(["list", "resnett50"]);
    expect(named).toMatchObject({ status: 0, out: "" });
    expect(named.err).toMatch(/^note: no model matches "resnett50". Did you mean "resnet50"/);
    expect(await cli(["list", "zzz*"])).toEqual({ status: 0, out: "", err: 'note: no model matches "zzz*"\n' });
    expect((await cli(["list", "resnet["])).err).toBe('note: no model matches "resnet["\n');
    expect((await cli(["list", "resnet18", "--min-top1", "99"])).err).toMatch(/"resnet18" with these filters\n$/);
    expect(await rows("zzz*")).toEqual([]);
  });

  it("filters by limits, and leaves out rows without the number", async () => {
    const all = await rows();
    const limited = await rows("--max-params", "30", "--max-gmacs", "5.5", "--min-top1", "83.25");
    const within = (n: number | null, low: number, high: number): boolean => n !== null && n >= low && n <= high;
    expect(limited.length).toBeGreaterThan(10);
    expect(limited).toEqual(
      all.filter((r) => within(r.params, 0, 30) && within(r.gmacs, 0, 5.5) && within(r.top1, 83.25, 100)),
    );
    expect(await rows("--min-top1", "0")).toEqual(all.filter((r) => r.top1 !== null));
  });

  it("filters by the input's size and by licence", async () => {
    const all = await rows();
    const square = all.filter((r) => r.input_size[1] === 384 && r.input_size[2] === 384);
    expect(square.length).toBeGreaterThan(50);
    expect(await rows("--input-size", "384")).toEqual(square);
    expect(await rows("--input-size", "3,384,384")).toEqual(square.filter((r) => r.input_size[0] === 3));
    expect(await rows("--license", "MIT,none")).toEqual(all.filter((r) => r.licence === "mit" || r.licence === null));
  });

  it("filters by the data and objectives that names tell, combined with a sort", async () => {
    const names = async (...args: string[]) => (await rows(...args)).map((r) => `${r.architecture}.${r.tag}`);
    const in12k = await names("convnext_*", "--data", "in12k");
    expect(in12k).toContain("convnext_tiny.in12k_ft_in1k");
    expect(in12k.filter((name) => !name.includes("in12k"))).toEqual([]);
    expect(await names("--data", "clip")).toContain("vit_base_patch16_clip_224.openai");
    expect(await names("vit_*dinov2*", "--data", "dinov2,mae")).toContain("vit_small_patch14_dinov2.lvd142m");
    const [best] = await names("--data", "in22k", "--family", "beit", "--sort", "top1");
    expect(best).toBe("beit_large_patch16_512.in22k_ft_in22k_in1k");
  });

  it.each([
    ["--max-params", "many", "It must be a number of millions, such as 25.6."],
    ["--max-gmacs", "-1", "It must be a number of billions, such as 4.1."],
    ["--min-top1", "101", "It must be a percentage from 0 to 100, such as 80.5."],
    ["--input-size", "224,224", "It must be the side in pixels, such as 224, or C,H,W, such as 3,224,224."],
    ["--license", "gpl", 'no model of timm has the licence "gpl"\n  It takes apache-2.0, apple-amlr, '],
    ["--data", "laion", 'Did you mean "laiona", "laion2b" or "laion400m"? It takes 2pt5b, 400m, '],
  ])("refuses %s %s with what it takes", async (option, value, words) => {
    const { status, out, err } = await cli(["list", option, value]);
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain(words);
  });

  it("reports the names that contradict their configurations", async () => {
    const found = (await cliJson("list", "--contradictions")) as Contradiction[];
    expect(found).toHaveLength(14);
    expect(found[0]).toEqual({
      name: "focalnet_huge_fl4.ms_in22k",
      field: "num_classes",
      predicted: "21842",
      recorded: "0",
      why: "the tag ends in a label set, but the configuration has no classifier",
    });
    const { out, err } = await cli(["list", "--contradictions", "resmlp*"]);
    expect(out.split("\n")).toHaveLength(4);
    expect(err).toMatch(/^\d+ names with weights, 2 contradictions\n$/);
    expect(await cli(["list", "--contradictions", "vgg*"])).toMatchObject({ status: 0, out: "" });
  });

  it("writes a page with the rows in place of the table", async () => {
    const file = temporary("models.html");
    expect(await cli(["list", "resnet18.*", "--html", file])).toMatchObject({ status: 0, out: "" });
    expect(readFileSync(file, "utf8")).toContain('<th scope="row">resnet18.<wbr>a1_<wbr>in1k</th>');
    expect(readdirSync(dirname(file))).toEqual(["models.html"]);
    const failed = await cli(["list", "--html", temporary("absent/models.html")]);
    expect(failed).toMatchObject({ status: 1, out: "" });
    expect(failed.err).toContain("cannot write");
    expect((await cli(["list", "--html", file, "--json"])).status).toBe(2);
  });
});
