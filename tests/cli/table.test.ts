import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { facts, table, wrapped } from "../../src/cli/table.ts";
import { byteQuantity, quantity, shapeText } from "../../src/cli/units.ts";

const cell = fc.stringMatching(/^[a-z0-9.]{1,12}$/);

describe("table", () => {
  it("gives every row one line, whose cells begin or end under their title", () => {
    const shape = fc.integer({ min: 1, max: 5 }).chain((n) =>
      fc.record({
        titles: fc.array(cell, { minLength: n, maxLength: n }),
        right: fc.array(fc.boolean(), { minLength: n, maxLength: n }),
        rows: fc.array(fc.array(cell, { minLength: n, maxLength: n }), { maxLength: 6 }),
      }),
    );
    fc.assert(
      fc.property(shape, ({ titles, right, rows }) => {
        const columns = titles.map((title, i) => ({ title, align: right[i] ? ("right" as const) : ("left" as const) }));
        const lines = table(columns, rows);
        expect(lines).toHaveLength(rows.length + 1);
        const edges = lines.map((line) => {
          const cells = [...line.matchAll(/\S+/g)];
          return cells.map((m, i) => (right[i] ? m.index + m[0].length : m.index));
        });
        for (const edge of edges) expect(edge).toEqual(edges[0]);
        expect(lines.map((line) => line.split(/ +/).filter((c) => c !== ""))).toEqual([titles, ...rows]);
      }),
    );
  });

  it("leaves nothing behind the last character", () => {
    expect(table([{ title: "a" }, { title: "long" }], [["1", ""]])).toEqual(["a  long", "1"]);
    expect(facts([["name", ""]])).toEqual(["name"]);
  });
});

it("wrapped lines keep every word, and are no wider than asked where words are not", () => {
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1, maxLength: 30 }), fc.integer({ min: 12, max: 60 }), (words, width) => {
      const lines = wrapped(words.join(" "), width);
      expect(lines.join(" ")).toBe(words.join(" "));
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
    }),
  );
  expect(wrapped("aaaa bb", 2)).toEqual(["aaaa", "bb"]);
});

describe("units", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1.00 k"],
    [25_557_032, "25.6 M"],
    [4_089_184_256, "4.09 G"],
    [999_999, "1.00 M"],
    [9_999, "10.0 k"],
  ])("%d is %s", (n, text) => expect(quantity(n)).toBe(text));

  it.each([
    [1023, "1023 B"],
    [1024, "1.00 KiB"],
    [102_230_000, "97.5 MiB"],
    [1_048_575, "1.00 MiB"],
  ])("%d bytes are %s", (n, text) => expect(byteQuantity(n)).toBe(text));

  it("a shape shows a dynamic extent as N", () => expect(shapeText([null, 3, "2*H"])).toBe("[N,3,2*H]"));
});
