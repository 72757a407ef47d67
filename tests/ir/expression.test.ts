import { expect, test } from "vitest";
import { builderAt } from "../../src/ir/builder.ts";
import { Graph } from "../../src/ir/graph.ts";
import { printExpression } from "../../src/ir/printer.ts";
import type { Value } from "../../src/ir/value.ts";

function paramsOf(...keys: readonly string[]) {
  const graph = new Graph("checkpoint");
  const b = builderAt({ graph, origin: { path: "made", rules: [] } });
  const params = keys.map((key) =>
    graph.insert("param", [], { key, dtype: "f32", shape: [4, 4] }, { path: key, rules: [] }),
  );
  return { b, params };
}

test("a weight is the expression of the keys that it is made of", () => {
  const { b, params } = paramsOf("q.weight", "k.weight", "v.weight");
  expect(printExpression(b.concat(params, { axis: 0 }))).toBe("concat(q.weight, k.weight, v.weight, axis=0)");
  const [q] = params;
  if (q === undefined) throw new Error("no parameter");
  expect(printExpression(q)).toBe("q.weight");
  const zeros = b.constant({ values: [0], shape: [4, 4] });
  expect(printExpression(b.add(b.transpose(q, { perm: [1, 0] }), zeros))).toBe(
    "add(transpose(q.weight, perm=[1,0]), constant[4,4])",
  );
});

test("operands that are used twice at every level do not double the text without end", () => {
  const { b, params } = paramsOf("w");
  const [w] = params;
  if (w === undefined) throw new Error("no parameter");
  let x: Value = w;
  for (let i = 0; i < 200; i++) x = b.add(x, x);
  const text = printExpression(x);
  expect(text.length).toBeLessThan(3000);
  expect(text).toContain("...");
});
