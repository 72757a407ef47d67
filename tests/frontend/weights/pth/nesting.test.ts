import { describe, expect, test } from "vitest";
import { read, refusal } from "./memory.ts";
import { PthWriter, type Py, call, dict, floats, list, ordered, tuple } from "./write-pth.ts";

const writer = new PthWriter({ 0: floats(1, 2, 3, 4, 5, 6) });
const weight = writer.tensor({ storage: "0", shape: [2, 3] });
const file = (root: Py): Buffer => writer.file(root);
const hooks = call("collections", "OrderedDict");

describe("nesting", () => {
  const other = call("torch._utils", "_rebuild_tensor_v2", writer.storage("0"), 5, tuple(), tuple(), false, hooks);
  test.each<readonly [string, Record<string, Py>, string | undefined]>([
    [
      "averaged weights before the last",
      { model: dict({ a: other }), state_dict: dict({ a: other }), state_dict_ema: dict({ a: weight }) },
      "state_dict_ema",
    ],
    [
      "averaged weights that are None",
      { state_dict_ema: null, model_ema: dict({ a: weight }), model: dict({ a: other }) },
      "model_ema",
    ],
    ["state_dict before model", { model: dict({ a: other }), state_dict: dict({ a: weight }) }, "state_dict"],
    ["model", { a: other, model: dict({ a: weight }) }, "model"],
    ["no nesting", { a: weight, epoch: 3 }, undefined],
  ])("%s", (_, entries, nesting) => {
    const found = read(file(dict(entries)));
    expect(found.nesting).toBe(nesting);
    expect(found.tensors.get("a")?.shape).toEqual([2, 3]);
  });

  test("wrappers of names are left to what reads every kind of file", () => {
    const keys = ["module._orig_mod.a", "module.module.c", "a", "module.a"];
    const found = read(file(ordered(keys.map((key) => [key, weight]))));
    expect([...found.tensors.keys()]).toEqual(keys);
  });

  test.each<readonly [string, Py, RegExp]>([
    ["a list", list(weight), /holds a list, not a dictionary/],
    ["a tensor", weight, /holds a tensor/],
    ["a state_dict of another kind", dict({ state_dict: weight }), /entry state_dict is a tensor/],
    ["a state_dict that is None", dict({ state_dict: null }), /entry state_dict is None/],
    ["no tensors", dict({ epoch: 1, args: dict({ lr: 1 }) }), /no tensors; its keys: epoch, args/],
  ])("%s is refused", (_, root, rule) => expect(refusal(file(root))).toMatch(rule));
});

describe("dictionaries within dictionaries", () => {
  const keys = (root: Py): string[] => [...read(file(root)).tensors.keys()];

  test("have their keys joined by dots where none is a tensor itself", () => {
    const network = dict({ "module.a": weight, steps: 3 });
    expect(keys(dict({ encoder: network, predictor: dict({ b: weight }), epoch: 3 }))).toEqual([
      "encoder.module.a",
      "predictor.b",
    ]);
    const classy = dict({
      base_model: dict({ model: dict({ trunk: network, heads: dict({ "0": dict({ b: weight }) }) }) }),
    });
    const at = "classy_state_dict.base_model.model";
    expect(keys(dict({ classy_state_dict: classy }))).toEqual([`${at}.trunk.module.a`, `${at}.heads.0.b`]);
    expect(keys(dict({ state_dict: dict({ encoder: network }) }))).toEqual(["encoder.module.a"]);
    expect(keys(dict({ a: weight, ema: network }))).toEqual(["a"]);
  });

  test("that an optimizer numbers are left out", () => {
    const state: Py = { dict: [[0, dict({ exp_avg: weight })]] };
    const root = dict({
      teacher: dict({ "backbone.a": weight }),
      optimizer: dict({ state, groups: list(dict({ weight })) }),
    });
    expect(keys(root)).toEqual(["teacher.backbone.a"]);
  });

  test.each<readonly [string, Record<string, Py>, string]>([
    ["model_state", { epoch: 3, model_state: dict({ a: weight }), cfg: "x" }, "model_state"],
    ["module", { module: dict({ a: weight }), optimizer: dict({}) }, "module"],
    ["module within model", { model: dict({ module: dict({ a: weight }) }) }, "model.module"],
  ])("%s is taken off, as filters of timm do", (_, entries, nesting) => {
    const found = read(file(dict(entries)));
    expect(found.nesting).toBe(nesting);
    expect([...found.tensors.keys()]).toEqual(["a"]);
  });

  test("are refused where two keys become one, and searched to a bounded depth and count", () => {
    expect(refusal(file(dict({ a: dict({ "b.c": weight }), "a.b": dict({ c: weight }) })))).toMatch(
      /^a\.b\.c: two entries have this name once their dictionaries are joined/,
    );
    const nested = (depth: number): Py => (depth === 0 ? weight : dict({ k: nested(depth - 1) }));
    expect(keys(nested(8))).toEqual(["k.k.k.k.k.k.k.k"]);
    expect(refusal(file(nested(9)))).toMatch(/no tensors/);
    const wide = (item: Py): Py => dict(Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, item])));
    expect(refusal(file(wide(wide(null))))).toMatch(/dictionaries hold more than 200000 entries/);
  });
});
