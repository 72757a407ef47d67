import { describe, expect, test } from "vitest";
import type { CheckRule, Problem } from "../../../src/backends/onnx/check.ts";
import { checkModel } from "../../../src/backends/onnx/check.ts";
import type { OnnxModel, OnnxNode, OnnxTensorHeader } from "../../../src/backends/onnx/model.ts";
import { supportedOpsets, tensorByteLength } from "../../../src/backends/onnx/model.ts";
import { schemaOf, schemaOps } from "../../../src/backends/onnx/schema.ts";
import { mutants } from "./mutants.ts";
import { open, refusal, runtimeName, zeros } from "./runtime.ts";
import type { Built, Sample } from "./samples.ts";
import { buildSample, fileOf, graphOf, samples } from "./samples.ts";

/** One line for a log. */
const describeProblem = ({ rule, node, op, message }: Problem): string =>
  `${rule}: ${node === "" ? "" : `${node} (${op}): `}${message}`;

const problemsOf = ({ model, initializers }: Built): string[] =>
  checkModel(
    model,
    initializers.map(({ header }) => header),
  ).map(describeProblem);

const isValidAt = ({ from = 17, to = 23 }: Sample, opset: number): boolean => from <= opset && opset <= to;

describe("samples", () => {
  test("every operator of the table has one, and every row of it parses", () => {
    const sampled = (domain: string) =>
      new Set(samples.filter((one) => (one.domain ?? "") === domain).map(({ op }) => op));
    for (const [domain, version] of [
      ["", 23],
      ["com.microsoft", 1],
    ] as const) {
      expect(schemaOps(domain).filter((op) => !sampled(domain).has(op))).toEqual([]);
      for (const op of schemaOps(domain)) expect(schemaOf(op, version, domain), op).toBeDefined();
    }
  });

  test.each(supportedOpsets)(
    "pass the check and run at opset %i with the types that the check infers",
    async (opset) => {
      for (const sample of samples.filter((one) => isValidAt(one, opset))) {
        const built = buildSample(sample, opset);
        expect(problemsOf(built), sample.op).toEqual([]);
        const session = await open(fileOf(built));
        const feeds = Object.fromEntries(built.model.inputs.map((input) => [input.name, zeros(input)]));
        const results = await session.run(feeds);
        for (const { name, dtype } of built.model.outputs)
          expect(results[name]?.type, sample.op).toBe(runtimeName(dtype));
        await session.release();
      }
    },
  );

  test("that an opset does not have fail the check there", () => {
    for (const opset of supportedOpsets) {
      for (const sample of samples.filter((one) => !isValidAt(one, opset))) {
        expect(problemsOf(buildSample(sample, opset)), `${sample.op} at ${opset}`).not.toEqual([]);
      }
    }
  });
});

/**
 * What ONNX Runtime refuses for reasons that no operator schema states: shapes and values, types for which it has no
 * kernel, and types that the standard allows to differ but its own expansion of the operator does not.
 */
const beyondSchemas =
  /ShapeInferenceError|Rank=|NOT_IMPLEMENTED|Could not find an implementation|Unsupported data type|upsamplebase|lstm_base|in node \(\)|BatchNormalization|GetFusedActivationAttr/;

describe("mutants", () => {
  test.each([17, 20, 23])("that ONNX Runtime refuses at opset %i for their form fail the check", async (opset) => {
    const missed: string[] = [];
    let agreed = 0;
    for (const sample of samples.filter((one) => isValidAt(one, opset))) {
      for (const { change, sample: mutant } of mutants(sample)) {
        const built = buildSample(mutant, opset);
        const problems = problemsOf(built);
        // A Split with too many results ends ONNX Runtime's process.
        const refused = problems.length > 0 && mutant.op === "Split" ? "not asked" : await refusal(fileOf(built));
        if (refused === undefined) continue;
        if (problems.length > 0) agreed++;
        else if (!beyondSchemas.test(refused)) missed.push(`${sample.op}: ${change}: ${refused}`);
      }
    }
    expect(missed).toEqual([]);
    expect(agreed).toBeGreaterThan(900);
  });
});

const node = (opType: string, inputs: string[], outputs: string[], more: Partial<OnnxNode> = {}): OnnxNode => ({
  opType,
  name: `${opType}_${outputs.join("_")}`,
  inputs,
  outputs,
  attributes: {},
  ...more,
});

const value = (name: string, dtype: "f32" | "i64" = "f32") => ({ name, dtype, shape: ["N", 4] });
const base = graphOf({
  opset: 20,
  nodes: [node("Add", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"])],
  inputs: [value("x")],
  outputs: [value("y")],
});
const headers: readonly OnnxTensorHeader[] = [{ name: "w", dtype: "f32", dims: [4] }];

interface NearMiss {
  readonly title: string;
  readonly rule: CheckRule;
  readonly message: string;
  readonly model?: Partial<OnnxModel>;
  readonly headers?: readonly OnnxTensorHeader[];
  /** ONNX Runtime does not mind. */
  readonly lenient?: true;
}

const nearMisses: readonly NearMiss[] = [
  {
    title: "a value defined twice",
    rule: "ssa",
    message: 'Add_a (Add): the value "a" is defined a second time',
    model: { nodes: [node("Abs", ["x"], ["a"]), ...base.nodes] },
  },
  {
    title: "a node that overwrites an initializer",
    rule: "ssa",
    message: 'Abs_w (Abs): the value "w" is defined a second time',
    model: { nodes: [...base.nodes, node("Abs", ["x"], ["w"])] },
  },
  {
    title: "an operand from nowhere",
    rule: "ssa",
    message: 'Relu_y (Relu): the operand "b" is not defined before it is used',
    model: { nodes: [node("Add", ["x", "w"], ["a"]), node("Relu", ["b"], ["y"])] },
  },
  {
    title: "nodes out of order",
    rule: "ssa",
    message: 'Relu_y (Relu): the operand "a" is not defined before it is used',
    model: { nodes: base.nodes.toReversed() },
    lenient: true,
  },
  {
    title: "an output that nothing produces",
    rule: "ssa",
    message: 'no node produces the graph output "z"',
    model: { outputs: [value("y"), value("z")] },
  },
  {
    title: "a value info of nothing",
    rule: "ssa",
    message: 'no node produces the value info "z"',
    model: { valueInfo: [value("z")] },
    lenient: true,
  },
  {
    title: "an output of another type",
    rule: "dtype",
    message: 'the graph output "y" is declared i64, but it is f32',
    model: { outputs: [value("y", "i64")] },
  },
  {
    title: "a value info of another type",
    rule: "dtype",
    message: 'the value info "a" is declared i64, but it is f32',
    model: { valueInfo: [value("a", "i64")] },
  },
  {
    title: "operands of two types",
    rule: "dtype",
    message: "Add_a (Add): B is f16, and its type T is f32",
    headers: [{ name: "w", dtype: "f16", dims: [4] }],
  },
  {
    title: "an unused initializer",
    rule: "unused",
    message: 'nothing reads the initializer "v"',
    headers: [...headers, { name: "v", dtype: "f32", dims: [1] }],
    lenient: true,
  },
  {
    title: "an opset that is not imported",
    rule: "opset",
    message: 'Relu_y (Relu): the model does not import its domain "com.example"',
    model: { nodes: [node("Add", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"], { domain: "com.example" })] },
  },
  {
    title: "an opset before the first",
    rule: "opset",
    message: "the standard opset is 16, and 17, 18, 19, 20, 21, 22, 23 are supported",
    model: { opsetImports: [{ domain: "", version: 16 }] },
    lenient: true,
  },
  {
    title: "an IR version of another opset",
    rule: "opset",
    message: "opset 20 belongs to IR version 9, not 10",
    model: { irVersion: 10 },
    lenient: true,
  },
  {
    title: "a domain imported twice",
    rule: "opset",
    message: 'the domain "" is imported twice',
    model: { opsetImports: [...base.opsetImports, ...base.opsetImports] },
    lenient: true,
  },
  {
    title: "a node name taken",
    rule: "name",
    message: 'two nodes have the name "Add_a"',
    model: { nodes: [node("Add", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"], { name: "Add_a" })] },
  },
  {
    title: "a node without a name",
    rule: "name",
    message: "the node has no name",
    model: { nodes: [node("Add", ["x", "w"], ["a"]), node("Relu", ["a"], ["y"], { name: "" })] },
    lenient: true,
  },
  {
    title: "a graph without a name",
    rule: "name",
    message: "the graph has no name",
    model: { graphName: "" },
    lenient: true,
  },
  {
    title: "an output declared twice",
    rule: "name",
    message: '"y" is declared twice',
    model: { outputs: [value("y"), value("y")] },
    lenient: true,
  },
  {
    title: "metadata with one key twice",
    rule: "name",
    message: 'the metadata key "k" is there twice',
    model: {
      metadata: [
        ["k", "1"],
        ["k", "2"],
      ],
    },
    lenient: true,
  },
  {
    title: "a negative dimension",
    rule: "shape",
    message: '"x" has the shape [-1,4], which is not one',
    model: { inputs: [{ name: "x", dtype: "f32", shape: [-1, 4] }] },
    lenient: true,
  },
  {
    title: "more parts than results",
    rule: "arity",
    message: "Split_a (Split): it has 1 results for 2 parts",
    model: {
      nodes: [
        node("Split", ["x"], ["a"], { attributes: { num_outputs: { kind: "int", value: 2 } } }),
        node("Add", ["a", "w"], ["y"]),
      ],
    },
    lenient: true,
  },
];

describe("near misses", () => {
  const build = ({ model, headers: ours = headers }: Partial<NearMiss>): Built => ({
    model: { ...base, ...model },
    initializers: ours.map((header) => ({
      header,
      bytes: () => new Uint8Array(tensorByteLength(header)),
    })),
  });

  test("the graph that they miss is valid", async () => {
    expect(problemsOf(build({}))).toEqual([]);
    expect(await refusal(fileOf(build({})))).toBeUndefined();
  });

  test.each(nearMisses)("$rule: $title", async (miss) => {
    const built = build(miss);
    const found = checkModel(
      built.model,
      built.initializers.map(({ header }) => header),
    );
    expect(found.map(({ rule }) => rule)).toContain(miss.rule);
    expect(found.map(describeProblem)).toContain(`${miss.rule}: ${miss.message}`);
    const refused = await refusal(fileOf(built));
    expect(refused === undefined, refused).toBe(miss.lenient === true);
  });
});

describe("types", () => {
  const castTo = (to: number): string[] =>
    problemsOf({
      model: {
        ...base,
        nodes: [
          node("Cast", ["x"], ["c"], { attributes: { to: { kind: "int", value: to } } }),
          node("Sqrt", ["c"], ["y"]),
        ],
        outputs: [value("y")],
      },
      initializers: [],
    });

  test("flow through Cast", () => {
    expect(castTo(1)).toEqual([]);
    expect(castTo(7)).toContain("dtype: Sqrt_y (Sqrt): X is i64, and T is one of f16, f32, f64, bf16");
    expect(castTo(10)).toEqual(['dtype: the graph output "y" is declared f32, but it is f16']);
  });

  test.each([0, 8, 99])("code %i, which timmc does not write, is refused", (code) => {
    expect(castTo(code)).toContain(`dtype: Cast_c (Cast): to is ${code}, which is no element type that timmc writes`);
  });

  test("pass nodes of other domains by what the model declares", () => {
    const withContrib = (declared: "f32" | "i64"): string[] =>
      problemsOf({
        model: {
          ...base,
          opsetImports: [...base.opsetImports, { domain: "com.example", version: 1 }],
          nodes: [node("Anything", ["x"], ["c"], { domain: "com.example" }), node("Sqrt", ["c"], ["y"])],
          valueInfo: [value("c", declared)],
        },
        initializers: [],
      });
    expect(withContrib("f32")).toEqual([]);
    expect(withContrib("i64")).toContain("dtype: Sqrt_y (Sqrt): X is i64, and T is one of f16, f32, f64, bf16");
  });

  test("an attribute that contradicts an operand is refused", () => {
    const quantize: Sample = {
      op: "QuantizeLinear",
      operands: [
        { dtype: "f32", dims: [2] },
        { dtype: "f32", dims: [] },
        { dtype: "u8", dims: [] },
      ],
      attributes: { output_dtype: { kind: "int", value: 3 } },
      results: [["u8", 1]],
    };
    expect(problemsOf(buildSample(quantize, 21))).toEqual([
      "dtype: node (QuantizeLinear): output_dtype asks for i8, and its type T2 is u8",
    ]);
  });
});
