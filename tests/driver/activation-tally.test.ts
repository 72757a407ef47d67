import { describe, expect, it } from "vitest";
import { activationTable } from "../../src/cli/activation-table.ts";
import { Tally } from "../../src/driver/activation-tally.ts";
import type { Format } from "../../src/zoo/family.ts";
import { recordingShell } from "../cli/run-cli.ts";

/** Four channels over six positions of two pictures: 0 varies within a picture, 1 between the two, 2 never, 3 is broken once. */
const valueAt = (picture: number, position: number, channel: number, broken: number): number =>
  [position, picture, 7, picture === 1 && position === 4 ? broken : -2][channel] ?? 0;

const layouts: Readonly<Record<Format, { shape: number[]; place: (position: number, channel: number) => number }>> = {
  NCHW: { shape: [1, 4, 2, 3], place: (position, channel) => channel * 6 + position },
  NHWC: { shape: [1, 2, 3, 4], place: (position, channel) => position * 4 + channel },
  NLC: { shape: [1, 6, 4], place: (position, channel) => position * 4 + channel },
};

function tallied(format: Format | undefined, broken: number) {
  const { shape, place } = layouts[format ?? "NCHW"];
  const tally = new Tally({ name: "t", ...(format !== undefined && { format }) });
  for (const picture of [0, 1]) {
    const data = new Float32Array(24);
    for (let i = 0; i < 24; i++)
      data[place(i % 6, Math.floor(i / 6))] = valueAt(picture, i % 6, Math.floor(i / 6), broken);
    tally.add(new Map([["t", { dtype: "f32", shape, data }]]));
  }
  return tally.report();
}

const shown = (report: ReturnType<typeof tallied>): string =>
  activationTable([report], 2, recordingShell().shell.colors)[1] ?? "";

describe("the tally of a tap", () => {
  it.each(["NCHW", "NHWC", "NLC"] as const)("finds the channels of %s", (format) => {
    expect(tallied(format, -2)).toMatchObject({ channels: 4, dead: 2, min: -2, max: 7, not_finite: 0 });
  });

  it.each([Number.NaN, Infinity, -Infinity])("counts %f, and calls no channel dead that has it", (broken) => {
    const report = tallied("NHWC", broken);
    expect(report).toMatchObject({ channels: 4, dead: 1, min: -2, max: 7, not_finite: 1 });
    // 0..5 twice, 0 and 1 six times each, 7 twelve times, -2 eleven times.
    expect(report.mean).toBeCloseTo((30 + 6 + 84 - 22) / 47, 12);
    expect(shown(report)).toContain("t (1 values not finite)");
  });

  it("has no channels where the tap has none", () => {
    expect(tallied(undefined, -2)).toMatchObject({ channels: null, dead: null, min: -2, max: 7 });
  });

  it("has no numbers where no value is finite", () => {
    const tally = new Tally({ name: "t", format: "NLC" });
    tally.add(new Map([["t", { dtype: "f32", shape: [1, 2, 2], data: new Float32Array(4).fill(Number.NaN) }]]));
    const report = tally.report();
    const none = { mean: null, std: null, min: null, max: null };
    expect(report).toEqual({ tap: "t", module: null, channels: 2, ...none, dead: 0, not_finite: 4 });
    expect(shown(report)).toMatch(/^t \(4 values not finite\) +- +2 +- +- +- +- +0 \(0\.0 %\)$/);
  });
});
