import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { type Dim, mulDim, symbol } from "../../../src/ir/dim.ts";
import { printValue } from "../../../src/ir/printer.ts";
import type { Value } from "../../../src/ir/value.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { permuteRows } from "../../../src/passes/rules/permute-rows.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

const N = symbol("N");

/** What happens to x [N, 4, 6, 32] or to another map, on the way to output y. */
type Moves = (b: Builder, x: Value) => Value;
const graph = (moves: Moves, shape: readonly Dim[] = [N, 4, 6, 32]) =>
  graphOf((on) => ({ y: moves(on("moves"), on("x").input({ shape })) }));

const roll = (b: Builder, x: Value, by: number): Value =>
  b.roll(b.roll(x, { axis: 1, shift: by }), { axis: 2, shift: 2 * by });
const swap = { perm: [0, 1, 3, 2, 4, 5] };

/** Windows of 2x3, with the windows next to the batch. */
const partition = (b: Builder, x: Value): Value => {
  const cells = b.transpose(b.reshape(x, { shape: [N, 2, 2, 2, 3, 32] }), swap);
  return b.reshape(cells, { shape: [mulDim(N, 4), 6, 32] });
};
const reverse = (b: Builder, x: Value): Value =>
  b.reshape(b.transpose(b.reshape(x, { shape: [N, 2, 2, 2, 3, 32] }), swap), { shape: [N, 4, 6, 32] });

const fires: Readonly<Record<string, [Moves, shape?: readonly Dim[]]>> = {
  "shifted windows": [(b, x) => partition(b, roll(b, x, -1))],
  "the way back": [(b, x) => roll(b, reverse(b, x), 1), [mulDim(N, 4), 6, 32]],
  "one roll": [(b, x) => b.roll(x, { axis: 2, shift: 5 })],
  "a roll by more than the extent": [(b, x) => b.roll(x, { axis: 1, shift: -9 })],
  "a roll of a batch of known size": [(b, x) => b.roll(x, { axis: 0, shift: 1 }), [3, 4, 16]],
  "two transposes with a reshape between them": [
    (b, x) => {
      const columns = b.reshape(b.transpose(x, { perm: [0, 2, 1, 3] }), { shape: [N, 3, 8, 32] });
      return b.transpose(columns, { perm: [0, 2, 1, 3] });
    },
  ],
  "rows that are parts of an axis": [
    (b, x) =>
      b.roll(b.transpose(b.reshape(x, { shape: [N, 24, 2, 16] }), { perm: [0, 2, 1, 3] }), { axis: 1, shift: 1 }),
  ],
  "moves in blocks of six rows and of four": [
    (b, x) => {
      const sixes = b.roll(b.reshape(x, { shape: [mulDim(N, 4), 6, 32] }), { axis: 1, shift: 1 });
      return b.roll(b.reshape(sixes, { shape: [mulDim(N, 6), 4, 32] }), { axis: 1, shift: 2 });
    },
  ],
};

const nearMisses: Readonly<Record<string, [Moves, string, shape?: readonly Dim[]]>> = {
  "a partition alone": [partition, "a single transpose is as fast as a gather"],
  "reshapes alone": [
    (b, x) => b.reshape(b.reshape(x, { shape: [N, 24, 32] }), { shape: [N, 768] }),
    "a single transpose is as fast as a gather",
  ],
  "channels that move": [
    (b, x) => b.roll(b.transpose(x, { perm: [0, 3, 1, 2] }), { axis: 1, shift: 1 }),
    "rows of 1 elements are too short to be copied one by one",
  ],
  "a roll of channels": [
    (b, x) => b.roll(x, { axis: 3, shift: 1 }),
    "rows of 1 elements are too short to be copied one by one",
  ],
  "an extent that is not known": [
    (b, x) => b.roll(x, { axis: 1, shift: 1 }),
    "the extents that move are not static",
    [N, symbol("H"), 6, 32],
  ],
  "a batch that moves": [(b, x) => b.roll(x, { axis: 0, shift: 1 }), "the extents that move are not static"],
};

describe("permute-rows", () => {
  it.each(Object.entries(fires))("fires on %s", (_, [moves, shape]) => {
    const g = graph(moves, shape);
    expect(applied(g, passOf(permuteRows, "backward"))).toEqual({ "permute-rows": 1 });
    expect(body(g).filter((name) => name !== "reshape")).toEqual(["input", "gather"]);
    expect(applied(g, passOf(permuteRows, "backward"))).toEqual({ "permute-rows": 0 });
  });

  it.each(Object.entries(nearMisses))("stays away from %s", (_, [moves, why, shape]) =>
    expect(reason(permuteRows, graph(moves, shape))).toBe(why),
  );

  it("leaves a link that somebody else needs, and moves what is behind it", () => {
    const g = graphOf((on) => {
      const rolled = roll(on("rolls"), on("x").input({ shape: [N, 4, 6, 32] }), -1);
      return { rolled, y: roll(on("windows"), on("windows").transpose(rolled, { perm: [0, 2, 1, 3] }), 1) };
    });
    expect(applied(g, passOf(permuteRows, "backward"))).toEqual({ "permute-rows": 2 });
  });

  it("is the same function from the inputs to the outputs, in more steps", () => {
    const g = graph((b, x) => partition(b, roll(b, x, -1)));
    expect(applied(g, passOf(permuteRows))["permute-rows"]).toBeGreaterThan(1);
  });

  it("says which row comes where by the moves themselves, of row numbers", () => {
    const g = graph((b, x) => partition(b, roll(b, x, -1)));
    applied(g, passOf(permuteRows, "backward"));
    expect(
      [...g.values()].map((v) =>
        printValue(v)
          .replace(/ by .*/, "")
          .replace(/^.*? = /, ""),
      ),
    ).toMatchInlineSnapshot(`
      [
        "input() {shape=[N,4,6,32]} : f32[N,4,6,32]",
        "reshape(%x) {shape=[N,24,32]} : f32[N,24,32]",
        "iota() {dtype="i32", shape=[24]} : i32[24]",
        "reshape($moves~6) {shape=[1,4,6]} : i32[1,4,6]",
        "roll($moves~7) {axis=1, shift=-1} : i32[1,4,6]",
        "reshape($moves~8) {shape=[4,6,1]} : i32[4,6,1]",
        "roll($moves~9) {axis=1, shift=-2} : i32[4,6,1]",
        "reshape($moves~10) {shape=[2,2,2,3]} : i32[2,2,2,3]",
        "transpose($moves~11) {perm=[0,2,1,3]} : i32[2,2,2,3]",
        "reshape($moves~12) {shape=[24]} : i32[24]",
        "gather(%moves~5, $moves~13) {axis=1} : f32[N,24,32]",
        "reshape(%moves~14) {shape=[4*N,6,32]} : f32[4*N,6,32]",
      ]
    `);
  });
});
