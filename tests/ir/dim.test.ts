import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDim } from "../../src/ir/dim-parser.ts";
import {
  type Dim,
  addDim,
  ceilDivDim,
  compareDim,
  floorDivDim,
  mulDim,
  printDim,
  sameDim,
  scaleDim,
  subDim,
  substituteDim,
  symbol,
  symbolsOf,
} from "../../src/ir/dim.ts";
import { Scanner } from "../../src/ir/scanner.ts";
import { numberOf, sizes, twin } from "./random-dim.ts";
import { refusal } from "./refusal.ts";

const dims = twin.map((t) => t.dim);
const N = symbol("N");
const H = symbol("H");
const key = printDim;
const parsed = (text: string): Dim => parseDim(new Scanner(text));

describe("the meaning of dimensions", () => {
  it("is the arithmetic that built them", () => {
    fc.assert(
      fc.property(twin, sizes, ({ dim, value }, at) => {
        expect(numberOf(dim, at)).toBe(value(at) + 0);
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps under substitution in two steps", () => {
    fc.assert(
      fc.property(dims, dims, sizes, (outer, inner, at) => {
        const middle = substituteDim(outer, { H: inner });
        expect(numberOf(middle, at)).toBe(numberOf(outer, { ...at, H: numberOf(inner, at) }));
      }),
    );
  });

  it("depends on the symbols of its normal form alone", () => {
    fc.assert(
      fc.property(dims, sizes, sizes, (dim, a, b) => {
        const mentioned = symbolsOf(dim);
        const mixed = Object.fromEntries(Object.keys(a).map((s) => [s, mentioned.has(s) ? a[s as "N"] : b[s as "N"]]));
        expect(substituteDim(dim, mixed)).toBe(numberOf(dim, a));
      }),
    );
  });
});

describe("the normal form", () => {
  it("is one for commuted, associated and distributed expressions", () => {
    fc.assert(
      fc.property(dims, dims, dims, (a, b, c) => {
        expect(key(addDim(a, b))).toBe(key(addDim(b, a)));
        expect(key(mulDim(a, b))).toBe(key(mulDim(b, a)));
        expect(key(addDim(addDim(a, b), c))).toBe(key(addDim(a, addDim(b, c))));
        expect(key(mulDim(mulDim(a, b), c))).toBe(key(mulDim(a, mulDim(b, c))));
        expect(key(mulDim(a, addDim(b, c)))).toBe(key(addDim(mulDim(a, b), mulDim(a, c))));
        expect(subDim(addDim(a, b), b)).toEqual(a);
      }),
    );
  });

  it("takes multiples of the divisor out of a floor", () => {
    fc.assert(
      fc.property(dims, dims, fc.integer({ min: 1, max: 9 }), (a, b, k) => {
        expect(key(floorDivDim(addDim(scaleDim(a, k), b), k))).toBe(key(addDim(a, floorDivDim(b, k))));
        expect(key(floorDivDim(scaleDim(a, k), k))).toBe(key(a));
      }),
    );
  });

  it("merges nested floors", () => {
    const small = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(dims, small, small, fc.integer({ min: -20, max: 20 }), (e, a, b, r) => {
        const nested = floorDivDim(addDim(floorDivDim(e, a), r), b);
        const merged = floorDivDim(addDim(e, r * a), a * b);
        for (const at of [
          { N: 3, H: 17, W: 29 },
          { N: 8, H: 5, W: 31 },
        ])
          expect(numberOf(nested, at)).toBe(numberOf(merged, at));
      }),
    );
    expect(key(floorDivDim(addDim(floorDivDim(H, 2), 3), 5))).toBe("floor((H+6)/10)");
    expect(key(floorDivDim(floorDivDim(floorDivDim(addDim(H, -1), 2), 2), 2))).toBe("floor((H+7)/8)-1");
  });

  it("is shared by a pool that rounds up and a strided convolution", () => {
    for (const stride of [2, 4, 7]) {
      const pool = ceilDivDim(H, stride);
      const conv = addDim(floorDivDim(addDim(H, -1), stride), 1);
      expect(key(pool)).toBe(key(conv));
    }
  });

  it("collapses to a number when the symbols cancel", () => {
    expect(subDim(addDim(H, 3), H)).toBe(3);
    expect(mulDim(0, H)).toBe(0);
    expect(floorDivDim(addDim(scaleDim(H, 0), 7), 2)).toBe(3);
    expect(Object.is(scaleDim(0, -1), 0)).toBe(true);
  });
});

describe("compareDim", () => {
  it("says yes only for dimensions that always agree, no only for those that never do", () => {
    fc.assert(
      fc.property(
        dims,
        dims,
        fc.integer({ min: -3, max: 3 }),
        fc.array(sizes, { minLength: 5 }),
        (a, b, n, samples) => {
          for (const [x, y] of [
            [a, b],
            [a, addDim(subDim(addDim(a, b), b), n)],
          ] as const) {
            const answer = compareDim(x, y);
            expect(compareDim(y, x)).toBe(answer);
            for (const at of samples) {
              const equal = numberOf(x, at) === numberOf(y, at);
              if (answer !== "unknown") expect(equal).toBe(answer === "yes");
            }
          }
        },
      ),
    );
  });

  it("answers for sizes that are fixed, shifted or independent", () => {
    expect(compareDim(7, 7)).toBe("yes");
    expect(compareDim(mulDim(N, H), mulDim(H, N))).toBe("yes");
    expect(compareDim(addDim(N, 1), N)).toBe("no");
    expect(compareDim(N, H)).toBe("unknown");
    expect(sameDim(N, 1)).toBe(false);
  });
});

describe("dimensions as text", () => {
  it("are read back as they are printed", () => {
    fc.assert(
      fc.property(dims, (dim) => {
        const text = printDim(dim);
        const scan = new Scanner(text);
        expect(parseDim(scan)).toEqual(dim);
        expect(scan.atEnd).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ["2*N", scaleDim(N, 2)],
    ["floor((H+1)/2)", ceilDivDim(H, 2)],
    ["floor(H/2)", floorDivDim(H, 2)],
    ["-H*N+3", subDim(3, mulDim(N, H))],
    ["3*N*floor(H*N/4)-1", addDim(mulDim(3, N, floorDivDim(mulDim(H, N), 4)), -1)],
  ])("print as %s", (text, dim) => {
    expect(printDim(dim)).toBe(text);
    expect(parsed(text)).toEqual(dim);
  });

  it("may be written in any order", () => {
    expect(printDim(parsed("3 + N*2 - H // a comment"))).toBe("-H+2*N+3");
  });

  it.each([
    ["floor((2*N+H)/2)", "1:1: found `floor((2*N+H)/2)`, expected its normal form N+floor(H/2)"],
    ["floor(N/0)", "1:1: a dimension is divided by positive integers, not 0"],
    ["floor(N)", '1:8: found `)`, expected "/"'],
    ["floor(H+1/2)", '1:8: found `+`, expected "/"'],
    ["99999999999999999999", "1:1: a dimension holds integers up to 2^53 - 1, not 100000000000000000000"],
    ["9007199254740991*3*N", "1:1: a dimension holds integers up to 2^53 - 1, not 27021597764222972"],
    ["true", '1:1: "true" cannot name a dimension'],
    ["", "1:1: found the end of the text, expected a dimension: an integer, a symbol or floor(...)"],
    ["N**2", "1:3: found `*`, expected a dimension: an integer, a symbol or floor(...)"],
  ])("refuse %s", (text, message) => {
    expect(refusal(() => parsed(text))).toContain(message);
  });

  it("refuse endless products and nesting", () => {
    const limit = "expected a dimension of at most 256 factors";
    expect(refusal(() => parsed("N*".repeat(400)))).toContain(`1:513: found \`N\`, ${limit}`);
    expect(refusal(() => parsed("floor((".repeat(100_000)))).toContain(`1:1793: found \`floor\`, ${limit}`);
  });

  it("refuse names that the text could not hold", () => {
    for (const name of ["2*N", "floor", "NaN", "", "a b", "x".repeat(65)])
      expect(refusal(() => symbol(name))).toContain("cannot name a dimension");
  });

  it("take no sizes from Object.prototype", () => {
    expect(printDim(substituteDim(symbol("constructor"), {}))).toBe("constructor");
  });
});
