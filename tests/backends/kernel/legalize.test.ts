import { describe, expect, it } from "vitest";
import {
  type Buffer,
  type Expr,
  binary,
  compare,
  literal,
  load,
  pack,
  unary,
} from "../../../src/backends/kernel/expr.ts";
import { constant } from "../../../src/backends/kernel/index-expr.ts";
import { legalizeCuda, legalizeWgsl } from "../../../src/backends/kernel/legalize.ts";
import { literalText } from "../../../src/backends/kernel/print.ts";
import { type ThreadKernel, buffersOf } from "../../../src/backends/kernel/thread.ts";
import { printWgsl } from "../../../src/backends/webgpu/print.ts";

const target: Buffer = { name: "out", space: "device", storage: "f32", length: 4 };
const source: Buffer = { name: "in", space: "device", storage: "f32", length: 4 };

/** A kernel that stores one value. */
function storing(value: Expr): ThreadKernel {
  const body = [{ kind: "store", buffer: target, index: constant(0), value }] as const;
  return { name: "k", ...buffersOf(body), shared: [], workgroup: 1, grid: [1, 1, 1], body };
}

/** What a legal kernel stores, in WGSL. */
const stored = (value: Expr): string =>
  /= (.*);\n\}/.exec(printWgsl(legalizeWgsl(storing(value))).replaceAll("in[", "x["))?.[1] ?? "";

const x = load(source, constant(0));
const four = load(source, constant(0), undefined, 4);

describe("literals", () => {
  it.each([
    [0, "0.0f"],
    [-0, "(-0.0f)"],
    [1, "1.0f"],
    [-2.5, "(-2.5f)"],
    [1e-45, "1e-45f"],
    [3.4e38, "3.4e+38f"],
    [1e21, "1e+21f"],
  ])("%d is %s", (value, text) => {
    expect(literalText(value, "f32")).toBe(text);
  });

  it.each([legalizeWgsl, legalizeCuda])("beyond float32 are its last numbers, and none is NaN", (legalize) => {
    const [only] = legalize(storing(literal(-Infinity))).body;
    expect(only).toMatchObject({ value: { kind: "literal", value: -3.4028234663852886e38 } });
    expect(Math.fround(3.4028234663852886e38)).toBe(3.4028234663852886e38);
    expect(() => legalize(storing(literal(NaN)))).toThrow(RangeError);
  });
});

describe("what WGSL does not define is not asked of it", () => {
  it("exponentials do not overflow", () => {
    expect(stored(unary("exp", x))).toBe("exp(min(x[0], 88.7f))");
  });

  it("tanh is taken of small numbers", () => {
    expect(stored(unary("tanh", x))).toBe("tanh(min(max(x[0], (-10.0f)), 10.0f))");
  });

  it("there is no erf, and sines are computed", () => {
    for (const op of ["erf", "sin", "cos"] as const) expect(stored(unary(op, x))).not.toMatch(/\b(erf|sin|cos)\(/);
  });

  it("powers are of numbers that are not negative", () => {
    expect(stored(binary("pow", x, literal(2)))).toBe("x[0] * x[0]");
    expect(stored(binary("pow", x, literal(0.5)))).toBe("sqrt(x[0])");
    expect(stored(binary("pow", x, literal(1.5)))).toBe("pow(abs(x[0]), 1.5f)");
    expect(stored(binary("pow", x, literal(5)))).toBe(
      "select(pow(abs(x[0]), 5.0f), (-pow(abs(x[0]), 5.0f)), x[0] < 0.0f)",
    );
  });

  it("a masked read of a constant place outside is zero", () => {
    const outside = load(source, constant(-2), compare("lt", literal(0), x));
    expect(stored(outside)).toBe("0.0f");
    expect(stored(pack([outside, outside, outside, outside]))).toBe("vec4<f32>(0.0f)");
  });
});

describe("comparisons of vectors", () => {
  it.each([
    ["lt", "<"],
    ["le", "<="],
    ["eq", "=="],
  ] as const)("%s is %s", (op, sign) => {
    expect(stored(compare(op, four, pack([x, x, x, x])))).toContain(` ${sign} `);
  });

  it("are joined by element", () => {
    const one = compare("lt", four, pack([x, x, x, x]));
    const both = stored(binary("and", one, compare("eq", four, pack([x, x, x, x]))));
    expect(both).toContain(") & (");
    expect(both).not.toContain("&&");
  });
});
