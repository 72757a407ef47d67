import { cpSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compileTiny, pictures, temporaryFolder } from "../driver/workspace.ts";
import { cli, cliJson } from "./run-cli.ts";

const at = temporaryFolder();

beforeAll(async () => {
  await compileTiny(at("a"));
  await compileTiny(at("b"), { optimization: "O0" });
  cpSync(at("a"), at("copy"), { recursive: true });
});

describe("timmc diff", () => {
  it("is short where there is nothing to tell", async () => {
    const { status, out, err } = await cli(["diff", at("a"), at("copy"), "--exit-code"]);
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out.split("\n").slice(3)).toEqual([
      "options: the same",
      "labels: the same",
      "outputs: the same, 1",
      "model.onnx, nodes: the same, 38",
      expect.stringMatching(/^model\.onnx, weights: the same, 33; 1\.79 MiB$/),
      "files: the same, 5",
      "",
      "equal, to the byte",
      "",
    ]);
  });

  it("shows the beginning of long lists, and how much is left", async () => {
    const { status, out } = await cli(["diff", at("a"), at("b")]);
    expect(status).toBe(0);
    expect(out).toMatch(/^ {2}request\.optimization +O2 +O0$/m);
    expect(out).toMatch(/^ {2}BatchNormalization +0 +15$/m);
    expect(out).toMatch(/^ {2}\+ {2}conv1\.1\/BatchNormalization +BatchNormalization$/m);
    expect(out).toMatch(/^ {2}and \d+ more$/m);
    expect(out.split("\n").length).toBeLessThan(100);
    expect(out).toMatch(/\nthe artifacts differ\n$/);
  });

  it("exits with 1 for --exit-code where they differ, with the report on stdout", async () => {
    const { status, out, err } = await cli(["diff", at("a"), at("b"), "--exit-code", "--json"]);
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ equal: false });
    expect(err).toMatch(/ differ\n$/);
  });

  it("runs both on pictures with --images, also behind which --run need not be", async () => {
    const image = join(pictures, "star-1.png");
    const report = await cliJson("diff", at("a"), at("b"), "--images", image);
    expect(report).toMatchObject({ runs: { inputs: [{ input: image }], same_top1: { pictures: 1, same: 1 } } });
    const { out } = await cli(["diff", at("a"), at("b"), "--images", image]);
    expect(out).toMatch(/^runs: 1 input; the same class for 1 of 1 picture$/m);
    expect(out).toMatch(/^ {2}input +output +max error +of std$/m);
  });

  it.each([
    [["diff", "a"], /missing required argument/, 2],
    [["diff", "/no/such/folder", "/nor/this"], /no such folder/, 1],
  ])("%j is refused", async (args, message, code) => {
    const { status, out, err } = await cli(args);
    expect(err).toMatch(message);
    expect([status, out]).toEqual([code, ""]);
  });
});
