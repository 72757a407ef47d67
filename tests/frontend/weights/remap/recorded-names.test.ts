import { describe, expect, it } from "vitest";
import { namedParts } from "../../../../src/driver/fit-weights.ts";
import { resolve } from "../../../../src/frontend/resolve.ts";
import { matchWeights } from "../../../../src/frontend/weights/check.ts";
import { remapWeights, targetOf } from "../../../../src/frontend/weights/remap/remap.ts";
import type { StoredDType, TensorSpec, WeightSource } from "../../../../src/frontend/weights/source.ts";
import type { Remap } from "../../../../src/zoo/remap/remap.ts";
import { supportedFamilies } from "../../../../src/zoo/registry.ts";
import { type Entry, modelRecords } from "../../../oracle/records.ts";

/**
 * Every architecture's state dictionary as timm has it, parameters and persistent buffers: no layout of another origin is
 * taken for it, nothing in it is renamed, and nothing is left over. That the models have these parameters is for
 * tests/oracle/structure.test.ts.
 */

const dtypes: Readonly<Record<string, StoredDType>> = { float32: "f32", int64: "i64" };

const specOf = ([name, shape, dtype = "float32"]: Entry): TensorSpec => ({ name, shape, dtype: dtypeOf(dtype) });

function dtypeOf(name: string): "f32" | "i64" {
  const dtype = dtypes[name];
  if (dtype !== "f32" && dtype !== "i64") throw new Error(`no type ${name}`);
  return dtype;
}

/** Reads no numbers. */
const namesAlone = (entries: readonly TensorSpec[]): WeightSource => {
  const specs = new Map(entries.map((spec) => [spec.name, spec]));
  return {
    label: "timm",
    keys: () => specs.keys(),
    get: (name) => {
      const spec = specs.get(name);
      const read = (): Uint8Array => {
        throw new Error(`${name} is read`);
      };
      return spec && { dtype: spec.dtype, shape: spec.shape, read };
    },
    close: () => {},
  };
};

function expectTaken(entries: readonly TensorSpec[], remap: Remap, of: string): void {
  const {
    source,
    layout,
    entries: named,
    dropped,
    withheld,
  } = remapWeights(namesAlone(entries), remap, targetOf(entries));
  const { missing, mismatched, unexpected } = matchWeights(source, entries);
  const changed = named.filter((entry) => entry.value !== undefined || entry.from[0] !== entry.name);
  expect({ layout, dropped, withheld, missing, mismatched, unexpected, changed }, of).toEqual({
    layout: undefined,
    dropped: [],
    withheld: [],
    missing: [],
    mismatched: [],
    unexpected: [],
    changed: [],
  });
}

describe.each(supportedFamilies)("%s", (family) => {
  it("takes timm's names as they are, with and without a classifier", async () => {
    for (const { arch, full } of modelRecords(family)) {
      const resolved = await resolve({ model: arch });
      const remapOf = (args: Readonly<Record<string, unknown>>): Remap => resolved.family.remap(arch, args);
      const entries = [...full.params, ...full.buffers].map(specOf);
      expectTaken(entries, remapOf(resolved.args), arch);
      const { classifier } = namedParts(resolved);
      const headless = entries.filter(({ name }) => !classifier.some((module) => name.startsWith(`${module}.`)));
      expectTaken(headless, remapOf({ ...resolved.args, num_classes: 0 }), `${arch} without a classifier`);
    }
  });
});
