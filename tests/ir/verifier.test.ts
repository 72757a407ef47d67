import { describe, expect, it } from "vitest";
import { Graph } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import type { Value } from "../../src/ir/value.ts";
import { verify } from "../../src/ir/verifier.ts";
import { refusal } from "./refusal.ts";

const text = `graph @g {
  weights {
    $w = param() {key="w", shape=[4]} : f32[4]
  }
  %input = input() {shape=[N,4]} : f32[N,4]
  %a = mul(%input, $w) : f32[N,4]
  %b = softmax(%a) : f32[N,4] by a-rule
  %b~1 = add(%b, %a) : f32[N,4]
  return "a" = %a, "b" = %b~1
}
`;

/** The sample with its values by name. */
function sample(): { graph: Graph; at: (name: string) => Value } {
  const graph = parseGraph(text);
  const values = new Map([...graph.values()].map((v) => [v.name, v]));
  return {
    graph,
    at: (name) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`no ${name}`);
      return value;
    },
  };
}

const stranger = (): Value => new Graph("h").insert("input", [], { shape: [4] }, { path: "stranger", rules: [] });

/** Every way to break the sample from outside Graph's verbs, and what the verifier says of it. */
const breakages: Record<string, [(s: ReturnType<typeof sample>) => void, string]> = {
  "a use that is not counted": [({ at }) => Object.assign(at("b"), { uses: 0 }), "%b: has 1 uses, but 0 are recorded"],
  "a wrong type": [
    ({ at }) => Object.assign(at("b~1"), { type: at("w").type }),
    "%b~1: has type f32[4], but add gives f32[N,4]",
  ],
  "an operand that breaks a constraint": [
    ({ at }) => Object.assign(at("b"), { op: "transpose", attrs: { perm: [0, 0] } }),
    "%b > transpose(f32[N,4]): C1: [0,0] is not a permutation of 2 axes",
  ],
  "a missing attribute": [
    ({ at }) => Object.assign(at("b"), { op: "cast", attrs: {} }),
    `%b: attributes: cast needs the attribute 'to' ("f64" | "f32" | "f16" | "bf16" | "i64" | "i32" | "u8" | "i8" | "i4" | "bool")`,
  ],
  "a default that is not written out": [
    ({ at }) => Object.assign(at("b"), { attrs: {} }),
    "%b: lacks the attribute 'axis'",
  ],
  "an unknown attribute": [
    ({ at }) => Object.assign(at("b"), { attrs: { axis: 1, dim: 1 } }),
    "%b: attributes: softmax has no attribute 'dim' (it has axis)",
  ],
  "an axis counted from the back": [
    ({ at }) => Object.assign(at("b"), { attrs: { axis: -1 } }),
    "%b: holds axis=-1, whose canonical form is 1",
  ],
  "a weight that is none": [
    ({ at }) => Object.assign(at("b"), { isWeight: true }),
    "$b: isWeight is true, but should be false",
  ],
  "a name that another value has": [
    ({ at }) => Object.assign(at("b~1"), { name: "b" }),
    "%b: another value has this name",
  ],
  "a name that is not of the origin": [
    ({ at }) => Object.assign(at("b"), { origin: { path: "c", rules: [] } }),
    '%c: the name "b" does not follow from the path "c"',
  ],
  "an operand of another graph": [
    ({ at }) => {
      Object.assign(at("b"), { operands: [stranger()], type: stranger().type, attrs: { axis: 0 } });
      Object.assign(at("a"), { uses: 1 });
    },
    "%b: uses %stranger, which is not in the graph",
  ],
  "an operand that stands behind its user": [
    ({ graph, at }) => {
      const late = graph.insert("exp", [at("input")], {}, { path: "late", rules: [] });
      const early = graph.insert("abs", [at("input")], {}, { path: "early", rules: [] }, at("b"));
      Object.assign(early, { operands: [late] });
      Object.assign(late, { uses: 1 });
      Object.assign(at("input"), { uses: 2 });
    },
    "%early: uses %late, which stands behind it",
  ],
  "an output that is not in the graph": [
    ({ graph }) => Object.assign(graph, { results: [{ name: "y", value: stranger() }] }),
    'output "y": %stranger is not in the graph',
  ],
  "two outputs of one name": [
    ({ graph, at }) =>
      Object.assign(graph, {
        results: [
          { name: "y", value: at("b") },
          { name: "y", value: at("a") },
        ],
      }),
    'output "y": another output has this name',
  ],
  "a wrong size": [({ graph }) => Object.assign(graph, { length: 9 }), "5 values are linked, 9 are counted"],
};

describe("verify", () => {
  it("accepts what the graph's verbs make, dead values included", () => {
    const { graph, at } = sample();
    graph.insert("neg", [at("a")], {}, { path: "dead", rules: [] });
    verify(graph);
    verify(new Graph("empty"));
  });

  it.each(Object.entries(breakages))("finds %s", (_, [damage, message]) => {
    const s = sample();
    damage(s);
    const [first] = refusal(() => verify(s.graph)).split("\n");
    expect(first).toMatch(/^graph @g(?: > |: )/);
    expect(first?.replace(/^graph @g(?: > |: )/, "")).toBe(message);
  });

  it("says how many more problems there are", () => {
    const { graph, at } = sample();
    for (const name of ["a", "b", "b~1"]) Object.assign(at(name), { uses: 7 });
    expect(refusal(() => verify(graph))).toBe("graph @g > %a: has 2 uses, but 7 are recorded\n  and 2 more problems");
  });
});
