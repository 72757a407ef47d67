import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCommand, libraryCall, shellWord } from "../../../src/driver/graph-page/browser/command.js";
import { bytesText, quantityText, shareText } from "../../../src/driver/graph-page/browser/units.js";
import { commandData } from "../../../src/driver/graph-page/compile-words.ts";

describe("the command of a page", () => {
  it("is read by a shell as the words that it was made of", () => {
    const word = fc.string({ unit: "binary" }).map((text) => text.replaceAll(/[\0\uD800-\uDFFF]/g, ""));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 200 }), (words) => {
        const script = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
        const read = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
        expect(read).toEqual(words);
      }),
      { numRuns: 30 },
    );
  });

  it("has everything that the page was made with, and nothing that goes without saying", () => {
    const plain = commandData({ model: "resnet50", batch: "dynamic", tapFormat: "native", args: {} }, "resnet50");
    expect(compileCommand(plain, ["logits"], "out")).toBe("timmc compile resnet50 -o out --taps logits");
    expect(plain.request).toEqual({ model: "resnet50" });
    const full = commandData(
      {
        model: "local-dir:my models/a'b",
        args: { num_classes: 10, global_pool: "avg", stem_type: "3", depths: [2, 2] },
        cfg: { mean: [0.5] },
        inputSize: [3, 96, 96],
        tapFormat: "nlc",
        tapNorm: true,
        batch: 2,
        weights: { file: "w.pth" },
        passes: [],
        onnxOps: "ort",
      },
      "vit",
    );
    expect(compileCommand(full, ["features.1", "module:a.b"], "vit-taps")).toBe(
      `timmc compile 'local-dir:my models/a'\\''b' -o vit-taps --taps features.1,module:a.b ` +
        `--arg num_classes=10 --arg global_pool=avg --arg 'stem_type="3"' --arg 'depths=[2,2]' --cfg 'mean=[0.5]' ` +
        "--input-size 3,96,96 --tap-format nlc --tap-norm --batch 2 --weights w.pth --passes none --onnx-ops ort",
    );
  });

  it("is a call of the library, too, of the same request", () => {
    const args: Record<string, unknown> = JSON.parse('{ "odd-key": null, "depth": 3, "__proto__": { "a": 1 } }');
    const command = commandData({ model: 'a"b', args, weights: { file: "w" } }, "a");
    const text = libraryCall(command, ["logits", "features.0"], "out");
    const body = /await compile\((\{[\s\S]*\})\);$/.exec(text)?.[1] ?? "";
    const request = Function(`return (${body})`)();
    expect(Object.getOwnPropertyNames(request.args)).toEqual(["odd-key", "depth", "__proto__"]);
    expect(request).toEqual({
      model: 'a"b',
      out: "out",
      taps: ["logits", "features.0"],
      args,
      weights: { file: "w" },
    });
  });
});

describe("numbers", () => {
  it("have three digits and a unit", () => {
    expect([0, 999, 1000, 25_557_032, 999_950_000].map(quantityText)).toEqual([
      "0",
      "999",
      "1.00 k",
      "25.6 M",
      "1.00 G",
    ]);
    expect([0, 1023, 1024, 102_230_000, null].map(bytesText)).toEqual([
      "0 B",
      "1023 B",
      "1.00 KiB",
      "97.5 MiB",
      "unknown",
    ]);
    expect([shareText(0, 5), shareText(1, 1e6), shareText(1, 3), shareText(1, 50)]).toEqual([
      "0 %",
      "< 0.1 %",
      "33 %",
      "2.0 %",
    ]);
  });
});
