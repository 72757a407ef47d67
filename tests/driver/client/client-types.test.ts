import { join } from "node:path";
import { Project, ts } from "ts-morph";
import { beforeAll, describe, expect, it } from "vitest";
import { compileTiny, shapesModel, temporaryFolder } from "../workspace.ts";

const at = temporaryFolder();
const root = join(import.meta.dirname, "../../..");

beforeAll(async () => {
  const model = `local-dir:${shapesModel}`;
  await compileTiny(at("artifact"), {
    model,
    weights: "pretrained",
    inputSize: undefined,
    taps: ["logits", "features.1"],
  });
  await compileTiny(at("sizes"), {
    model,
    weights: "pretrained",
    inputSize: undefined,
    sizes: [
      [96, 96],
      [64, 128],
    ],
    taps: ["logits", "features.1"],
  });
});

const prelude = `
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { type Input, input, labels, load, outputs } from ${JSON.stringify("ARTIFACT")};
const data = new Float32Array(2 * 3 * 96 * 96);
const model = await load({ ort: node });
const results = await model.run({ dims: [2, 3, 96, 96], data });
export {};
`;

/** The compiler's complaints about lines of a program that uses the client, under strict settings; each line on its own. */
function complaints(lines: readonly string[], artifact = "artifact"): string[] {
  const project = new Project({
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      types: [],
      noEmit: true,
      skipLibCheck: true,
    },
  });
  const start = prelude.replace("ARTIFACT", join(at(artifact), "index.js")).trimStart();
  const text = start + lines.map((line) => `{ ${line} }\n`).join("");
  // Beside the packages, which are looked for from here upwards.
  const file = project.createSourceFile(join(root, "consumer.mts"), text);
  const declarations = project.addSourceFileAtPath(join(at(artifact), "index.d.ts"));
  const before = start.split("\n").length - 1;
  const found = [...file.getPreEmitDiagnostics(), ...declarations.getPreEmitDiagnostics()];
  const byLine = new Map(found.map((d) => [(d.getLineNumber() ?? 0) - before, d.getCode()] as const));
  return [...byLine].map(([line, code]) => `${lines[line - 1] ?? `line ${line}`} // ${code}`);
}

/** What compiles. */
const right = [
  `const logits: readonly [number, 10] = results.logits.dims;`,
  `const classes: 10 = results["logits"].dims[1]; const channels: 32 = results["features.1"].dims[1];`,
  `const numbers: Float32Array = results["features.1"].data;`,
  `const one: Input = { dims: [1, 3, 96, 96], data };`,
  `const layout: "NCHW" = input.layout; const mean: readonly [0.5, 0.5, 0.5] = input.mean;`,
  `const dtype: "f32" = outputs.logits.dtype; const format: "NCHW" = outputs["features.1"].format;`,
  `const first: string | undefined = labels[0];`,
  `await load({ ort: web, options: { executionProviders: ["wasm"] } });`,
  `await load({ ort: web, model: new URL("https://models.example/model.onnx") });`,
];

/** What does not, with the compiler's code. */
const wrong: readonly (readonly [line: string, code: number])[] = [
  [`results.logit;`, 2551],
  [`results["features.9"];`, 2551],
  [`outputs["module:layer1"];`, 7053],
  [`await model.run({ dims: [2, 3, 96, 95], data });`, 2322],
  [`await model.run({ dims: [3, 96, 96], data });`, 2322],
  [`await model.run({ dims: [2, 96, 96, 3], data });`, 2322],
  [`await model.run({ dims: [2, 3, 96, 96], data: new Uint8Array(data.length) });`, 2322],
  [`await model.run({ dims: [2, 3, 96, 96], data: new Float64Array(data.length) });`, 2322],
  [`await model.run({ dims: [2, 3, 96, 96] });`, 2345],
  [`const classes: 11 = results.logits.dims[1];`, 2322],
  [`results.logits.dims[2];`, 2493],
  [`const numbers: Uint8Array = results.logits.data;`, 2322],
  [`const layout: "NHWC" = input.layout;`, 2322],
  [`const channels: 33 = outputs["features.1"].channels;`, 2322],
  [`await load({});`, 2345],
  [`await load({ ort: { Tensor: Date } });`, 2739],
];

describe("the types of the client", () => {
  it("take what is right, with either runtime", () => expect(complaints(right)).toEqual([]));

  it("refuse a wrong tap, shape or element type", () => {
    expect(complaints(wrong.map(([line]) => line))).toEqual(wrong.map(([line, code]) => `${line} // ${code}`));
  });

  it("take what is right of several sizes, and the first where none is named", () => {
    const lines = [
      `const map: readonly [number, 32, 24, 24] = results["features.1"].dims;`,
      `const wide = await load({ ort: node, size: "64x128" }); const { dims } = (await wide.run({ dims: [1, 3, 64, 128], data }))["features.1"]; const map: readonly [number, 32, 16, 32] = dims;`,
      `const one: Input<"64x128"> = { dims: [1, 3, 64, 128], data };`,
      `const square: Input = { dims: [1, 3, 96, 96], data };`,
    ];
    expect(complaints(lines, "sizes")).toEqual([]);
  });

  it("refuse another size, and the shapes of another", () => {
    const lines = [
      [`await load({ ort: node, size: "64x64" });`, 2322],
      [`await model.run({ dims: [1, 3, 64, 128], data });`, 2322],
      [`const wide = await load({ ort: node, size: "64x128" }); await wide.run({ dims: [1, 3, 96, 96], data });`, 2322],
      [`const map: readonly [number, 32, 16, 32] = results["features.1"].dims;`, 2322],
      [`const square: Input<"64x128"> = { dims: [1, 3, 96, 96], data };`, 2322],
    ] as const;
    expect(
      complaints(
        lines.map(([line]) => line),
        "sizes",
      ),
    ).toEqual(lines.map(([line, code]) => `${line} // ${code}`));
  });
});
