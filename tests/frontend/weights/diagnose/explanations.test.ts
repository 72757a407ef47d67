import { describe, expect, test } from "vitest";
import { causeOf } from "../../../../src/frontend/weights/diagnose/cause.ts";
import { commonPrefixes, findPrefix } from "../../../../src/frontend/weights/diagnose/prefix.ts";
import { relateShapes } from "../../../../src/frontend/weights/diagnose/relation.ts";
import { similarity, splitRole, wordsOf } from "../../../../src/frontend/weights/diagnose/words.ts";

describe("findPrefix", () => {
  const names = ["a.weight", "a.bias", "b.weight"];
  const under = (prefix: string): string[] => names.map((name) => prefix + name);

  test("finds what the file has too much, and what it lacks", () => {
    expect(findPrefix(names, under("module."))).toEqual({ change: "off", prefix: "module.", found: 3, rivals: [] });
    expect(findPrefix(under("trunk."), names)).toEqual({ change: "on", prefix: "trunk.", found: 3, rivals: [] });
  });

  test("names rivals: two networks in one file", () => {
    expect(findPrefix(names, [...under("q."), ...under("k.")])).toMatchObject({ prefix: "q.", rivals: ["k."] });
  });

  test("half of the names is not enough, and the deepest prefix is whole", () => {
    expect(findPrefix([...names, "c", "d", "e"], under("module."))).toBeUndefined();
    expect(findPrefix(names, under("module.net."))?.prefix).toBe("module.net.");
    expect(findPrefix(names, [])).toBeUndefined();
  });

  test("of a file of another architecture, half of its own names is enough", () => {
    const more = [...names, "c", "d", "e", "f"];
    expect(findPrefix(more, under("backbone."), "either")).toMatchObject({ prefix: "backbone.", found: 3 });
    expect(findPrefix(more, [...under("backbone."), "x", "y", "z"], "either")).toBeUndefined();
  });

  test("does not compare hostile names", () => {
    expect(findPrefix(names, under("x.".repeat(100_000)))).toBeUndefined();
  });

  test("common prefixes are those of all names", () => {
    expect(commonPrefixes(["a.b.x", "a.b.y.z"])).toEqual(["a.", "a.b."]);
    expect(commonPrefixes(["a.x", "b.x"])).toEqual([]);
    expect(commonPrefixes([])).toEqual([]);
  });
});

describe("causeOf", () => {
  const parts = { firstConv: ["stem.conv"], classifier: ["head"] };
  test.each<[string, readonly number[], readonly number[], string, string | null]>([
    ["head.weight", [1000, 64], [10, 64], "10 classes, not 1000", "num_classes=10"],
    ["head.bias", [1000], [10], "10 classes, not 1000", "num_classes=10"],
    ["head.weight", [1000, 64], [10, 32], "another width", null],
    ["stem.conv.weight", [64, 3, 7, 7], [64, 1, 7, 7], "1 input channels, not 3", "in_chans=1"],
    ["stem.conv.weight", [64, 3, 7, 7], [64, 3, 3, 3], "another kernel or patch size", null],
    ["fc.weight", [30, 20], [20, 30], "transposed", null],
    ["conv.weight", [8, 3, 5, 5], [5, 5, 3, 8], "the axes of TensorFlow and Flax", null],
    ["proj.weight", [64, 3, 16, 16], [64, 768], "flattened", null],
    ["cls_token", [1, 1, 64], [64], "flattened", null],
    ["pos_embed", [1, 197, 64], [1, 65, 64], "positions of another image size", null],
    ["attn.relative_position_bias_table", [169, 3], [529, 3], "another window", null],
    ["norm.weight", [64], [96], "another width", null],
    ["fc.weight", [6, 4], [3, 8], "as many numbers in another shape", null],
    ["fc.weight", [6, 4], [7], "another number of axes", null],
  ])("%s %j from %j: %s", (name, wanted, found, text, arg) => {
    const cause = causeOf(name, wanted, found, parts);
    expect(cause.text).toContain(text);
    expect(cause.arg).toBe(arg);
  });
});

test("shapes of Flax's kernels are turned, square ones too", () => {
  expect(relateShapes([4, 4], [4, 4], true)).toBe("transposed");
  expect(relateShapes([4, 4], [4, 4])).toBe("as it is");
  expect(relateShapes([6, 4], [6, 4], true)).toBeUndefined();
});

test("names as roles and words", () => {
  expect(splitRole("a.attn.in_proj_weight")).toEqual({ module: "a.attn.in_proj", role: "weight" });
  expect(splitRole("bn1.running_var")).toEqual({ module: "bn1", role: "var" });
  expect(splitRole("bn1.num_batches_tracked")).toBeUndefined();
  expect(splitRole("cls_token")).toEqual({ module: "cls_token", role: "tensor" });
  expect(wordsOf("encoder.layer.attention.output.dense")).toEqual(["attn", "proj", "fc"]);
  expect(wordsOf("Transformer/encoderblock_/MlpBlock_#1.")).toContain("#1");
  expect(similarity(["attn", "proj"], ["attn", "proj"])).toBe(1);
  expect(similarity(["attn"], ["mlp"])).toBe(0);
});
