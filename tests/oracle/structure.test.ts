import { describe, expect, it } from "vitest";
import { type Inspection, inspect, inspectLowered } from "../../src/driver/inspect.ts";
import { type LowerRequest, lowerRequest, perImageOf } from "../../src/driver/lower-request.ts";
import { familyOf, listArchitectures } from "../../src/frontend/registry.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { loadFamily, supportedFamilies } from "../../src/zoo/registry.ts";
import type { Parameter } from "../../src/zoo/scope.ts";
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
    const { found, entries } = await lowered({ model: arch, ...(taps.length > 0 ? { taps } : {}) });
    expect(mismatches(entries("parameter"), full.params)).toEqual([]);
    expect(mismatches(entries("buffer"), full.buffers)).toEqual([]);
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
      const { found, entries } = await lowered(taps.length > 0 ? { ...request, taps } : request);
      expect(inputShape(found)).toEqual(record.input_shape);
      expect(mismatches(entries("parameter"), record.params ?? [])).toEqual([]);
      expect(found.params).toBe(record.param_count);
      if (taps.length > 0) expect(shapesOf(found.outputs)).toEqual(recordedShapes(record.outputs));
    }
  });

  const refused = options.filter((record) => !isAccepted(record) || cannotRun.has(record.case));
  it.each(refused)("$case is refused, as timm does", async (record) => {
    const refusal = await inspect(optionRequest(record)).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(TimmcError);
    if (!(refusal instanceof TimmcError)) return;
    expect(["usage", "unsupported"]).toContain(refusal.code);
    const isUnknown = !isAccepted(record) && /^TypeError.* unexpected keyword argument/.test(record.timm_refuses);
    expect(refusal.message.includes("takes no argument")).toBe(isUnknown);
  });
});

/** What `inspect` says of a request, and the entries of its checkpoint with their types. */
async function lowered(request: LowerRequest) {
  const lowering = await lowerRequest(request);
  const found = inspectLowered(lowering, perImageOf(lowering));
  const entries = (kind: Parameter["kind"]): readonly Parameter[] =>
    lowering.lowered.parameters.filter((entry) => entry.kind === kind);
  return { found, entries };
}

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

/** Types on record; parameters have none there. */
const dtypes: Readonly<Record<string, Parameter["dtype"]>> = { float32: "f32", int64: "i64" };

/** Names that are missing, too many, or of another shape or type. */
function mismatches(found: readonly Parameter[], recorded: readonly Entry[]): string[] {
  const shown = (shape: readonly number[], dtype: string | undefined): string => `${dtype}[${shape.join()}]`;
  const has = new Map(found.map(({ name, shape, dtype }) => [name, shown(shape, dtype)]));
  const wanted = new Map(
    recorded.map(([name, shape, dtype = "float32"]) => [name, shown(shape, dtypes[dtype] ?? dtype)]),
  );
  return [
    ...[...wanted].flatMap(([name, is]) =>
      has.get(name) === is ? [] : [`${name} is ${has.get(name) ?? "missing"}, must be ${is}`],
    ),
    ...[...has.keys()].filter((name) => !wanted.has(name)).map((name) => `${name} is too much`),
  ];
}
