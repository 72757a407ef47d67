import { array, assert, constantFrom, dictionary, integer, oneof, property, string, uniqueArray } from "fast-check";
import { expect, it } from "vitest";
import { canonicalText } from "../../../src/driver/cache/canonical.ts";
import { nameVariants, varyingFields } from "../../../src/driver/build/names.ts";
import type { VariantFields } from "../../../src/driver/build/variant.ts";

const named = (variants: readonly VariantFields[]): string[] => nameVariants(variants, varyingFields(variants));

it("names are unique in any case, legal everywhere, bounded and always the same", () => {
  const word = oneof(
    string({ maxLength: 300, unit: "binary" }),
    string({ maxLength: 8 }),
    constantFrom("CON", "nul.x", "..", ".", "a/b", "x."),
  );
  const fields = oneof(
    word.map((w): VariantFields => ({ model: `local-dir:${w.replaceAll("\0", "")}x` })),
    constantFrom<VariantFields>({ model: "resnet50" }, { model: "ResNet50" }, { model: "hf-hub:a/b@main" }),
  ).chain((base) =>
    dictionary(string({ maxLength: 3 }), oneof(word, integer()), { maxKeys: 3 }).chain((args) =>
      array(word, { minLength: 1, maxLength: 3 }).map((taps): VariantFields => ({ ...base, args, taps })),
    ),
  );
  assert(
    property(uniqueArray(fields, { selector: canonicalText, minLength: 1, maxLength: 12 }), (variants) => {
      const names = named(variants);
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(variants.length);
      expect(named(variants)).toEqual(names);
      for (const name of names) {
        const parts = name.split("/");
        expect(parts).toHaveLength(2);
        for (const part of parts) {
          expect(part).toMatch(/^[A-Za-z0-9_+=,@~][A-Za-z0-9_.+=,@~-]*$/);
          expect(part).not.toMatch(/[.]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i);
          expect(part.length).toBeLessThanOrEqual(100);
        }
      }
    }),
    { numRuns: 300 },
  );
});

it("names say what a person would", () => {
  expect(
    named([
      { model: "resnet50.a1_in1k", inputSize: [3, 256, 256], precision: "fp16", taps: ["features"] },
      { model: "local-dir:models/my net/", inputSize: [1, 64, 96], precision: "fp32", args: { num_classes: 10 } },
      { model: "hf-hub:timm/vit@v2", inputSize: "test", precision: "fp32", weights: { file: "a/b.safetensors" } },
    ]),
  ).toEqual([
    "resnet50.a1_in1k/256x256-fp16-features",
    "my-net/num_classes=10-1x64x96-fp32",
    "timm--vit@v2/test-fp32-b",
  ]);
});
