import { describe, expect, it } from "vitest";
import { type Inspection, inspect } from "../../src/driver/inspect.ts";
import { familyOf, listArchitectures } from "../../src/frontend/registry.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { loadFamily, supportedFamilies } from "../../src/zoo/registry.ts";
import {
  type Entry,
  type FeatureInfo,
  type Outputs,
  type Selection,
  isAccepted,
  modelRecords,
  optionRecords,
  recordedFamilies,
} from "./records.ts";
import { hasStages, optionRequest, tapsOf } from "./requests.ts";

/**
 * Cases on record by their parameters alone, because the model is too large to run: timm's forward would assert that the size
 * is a multiple of the patch, 14. What cannot run is refused.
 */
const cannotRun: ReadonlySet<string> = new Set([
  "vit_intern300m_patch14_448?img_size=256",
  "vit_intern300m_patch14_448?img_size=[160,224]",
  "vit_intern300m_patch14_448?features_only=True,img_size=256",
]);

/** timm's entry function of this architecture builds vitamin_xlarge_256 by mistake, whose input size is on record. */
const otherInput = "vitamin_xlarge_336";

it("every supported family has records", () => {
  expect(recordedFamilies).toEqual(expect.arrayContaining([...supportedFamilies]));
});

describe.each(supportedFamilies)("%s", (family) => {
  it("defines every architecture that timm lists, and no other", async () => {
    const listed = listArchitectures().filter((name) => familyOf(name) === family);
    expect(Object.keys((await loadFamily(family))?.variants ?? {}).sort()).toEqual(listed.toSorted());
    for (const model of listed) await inspect({ model });
  });

  it.each(modelRecords(family))("$arch", async ({ arch, full, features }) => {
    const taps = [...tapsOf(full.outputs), ...(hasStages(features) ? ["features"] : [])];
    const found = await inspect({ model: arch, ...(taps.length > 0 ? { taps } : {}) });
    expect(mismatches(found.parameters, full.params)).toEqual([]);
    expect(mismatches(found.buffers, full.buffers)).toEqual([]);
    expect(found.params).toBe(full.param_count);
    if (arch !== otherInput) expect(inputShape(found)).toEqual(full.input_shape);
    const [stages, others] = split(found);
    if (taps.length > 0) expect(shapesOf(others)).toEqual(recordedShapes(full.outputs));
    if (hasStages(features)) {
      expect(found.features.map(({ channels, reduction, module }) => [channels, reduction, module])).toEqual(
        (full.feature_info ?? []).map(infoRow),
      );
      expectStages(stages, features);
    } else await expect(inspect({ model: arch, args: { features_only: true } })).rejects.toThrow(TimmcError);
  });

  const options = optionRecords(family);
  const accepted = options.filter(isAccepted).filter((record) => !cannotRun.has(record.case));
  it.each(accepted)("$case", async (record) => {
    const request = optionRequest(record);
    if (record.kwargs["features_only"] === true) {
      const found = await inspect(request);
      expect(inputShape(found)).toEqual(record.input_shape);
      expectStages(found.outputs, record);
    } else {
      const taps = tapsOf(record.outputs);
      const found = await inspect(taps.length > 0 ? { ...request, taps } : request);
      expect(inputShape(found)).toEqual(record.input_shape);
      expect(mismatches(found.parameters, record.params ?? [])).toEqual([]);
      expect(found.params).toBe(record.param_count);
      if (taps.length > 0) expect(shapesOf(found.outputs)).toEqual(recordedShapes(record.outputs));
    }
  });

  const refused = options.filter((record) => !isAccepted(record) || cannotRun.has(record.case));
  it.each(refused)("$case is refused, as timm does", async (record) => {
    await expect(inspect(optionRequest(record))).rejects.toThrow(TimmcError);
  });
});

type Found = Inspection["outputs"];

/** The outputs that are feature stages, and the others. */
const split = ({ outputs }: Inspection): readonly [stages: Found, others: Found] => {
  const isStage = ({ name }: Found[number]): boolean => name.startsWith("features.");
  return [outputs.filter(isStage), outputs.filter((output) => !isStage(output))];
};

/** What `features` selects: channels, reductions, modules and, where the record has outputs, shapes. */
function expectStages(found: Found, record: Selection & { readonly outputs: Outputs }): void {
  const { feature_channels: channels, feature_reductions: reductions, feature_modules: modules } = record;
  if (modules !== undefined)
    expect(found.map((stage) => [stage.channels, stage.reduction, stage.module])).toEqual(
      modules.map((module, i) => [channels?.[i], reductions?.[i], module]),
    );
  const recorded = recordedShapes(record.outputs);
  if (recorded.length > 0)
    expect(shapesOf(found).map(([, shape]) => shape)).toEqual(recorded.map(([, shape]) => shape));
}

/** With the batch of 1 that the records have. */
const atBatchOne = (shape: readonly (number | string | null)[]) => shape.map((d) => (d === "N" || d === null ? 1 : d));
const inputShape = ({ input }: Inspection) => atBatchOne(input.shape);
const shapesOf = (outputs: Found) => outputs.map(({ name, shape }) => [name, atBatchOne(shape)] as const);
const recordedShapes = (outputs: Outputs) => Object.entries(outputs).map(([name, { shape }]) => [name, shape] as const);
const infoRow = ({ num_chs, reduction, module }: FeatureInfo) => [num_chs, reduction, module];

/** Names that are missing, too many, or of another shape. */
function mismatches(found: Inspection["parameters"], recorded: readonly Entry[]): string[] {
  const shapes = new Map(found.map(({ name, shape }) => [name, shape.join("x")]));
  const names = new Set(recorded.map(([name]) => name));
  return [
    ...recorded.flatMap(([name, shape]) => {
      const has = shapes.get(name);
      return has === shape.join("x") ? [] : [`${name} is ${has ?? "missing"}, must be ${shape.join("x")}`];
    }),
    ...[...shapes.keys()].filter((name) => !names.has(name)).map((name) => `${name} is too much`),
  ];
}
