import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import onnxProto from "onnx-proto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HashingFileSink } from "../../../src/backends/file-sink.ts";
import type { OnnxDType, OnnxModel } from "../../../src/backends/onnx/model.ts";
import { dataTypeCode, supportedOpsets, tensorByteLength } from "../../../src/backends/onnx/model.ts";
import { decodeModel } from "../../../src/backends/onnx/proto.ts";
import type { Initializer } from "../../../src/backends/onnx/writer.ts";
import { externalData, modelFile, placeExternally } from "../../../src/backends/onnx/writer.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { open, refusal, zeros } from "./runtime.ts";
import { fileOf, graphOf, pack } from "./samples.ts";

const { onnx } = onnxProto;

const model: OnnxModel = {
  ...graphOf({
    opset: 21,
    nodes: [
      {
        opType: "Gemm",
        name: "fc",
        inputs: ["x", "w", "b"],
        outputs: ["y"],
        attributes: { transB: { kind: "int", value: 1 }, alpha: { kind: "float", value: 0.5 } },
      },
    ],
    inputs: [{ name: "x", dtype: "f32", shape: [1, 40] }],
    outputs: [{ name: "y", dtype: "f32", shape: ["N", 30] }],
  }),
  valueInfo: [],
  metadata: [["licence", "none"]],
};

const ramp = (count: number): number[] => Array.from({ length: count }, (_, index) => index % 7);
const tensor = (name: string, dims: number[]): Initializer => ({
  header: { name, dtype: "f32", dims },
  bytes: () => pack("f32", ramp(tensorByteLength({ dtype: "u8", dims }))),
});
const weights = [tensor("w", [30, 40]), tensor("b", [30])];

/** The same model through onnx-proto's own encoder, in one message. */
function encodedWhole(initializers: readonly Initializer[]): Uint8Array {
  return onnx.ModelProto.encode({
    irVersion: model.irVersion,
    producerName: model.producer.name,
    producerVersion: model.producer.version,
    opsetImport: [{ domain: "", version: 21 }],
    metadataProps: [{ key: "licence", value: "none" }],
    graph: {
      name: "sample",
      node: [
        {
          opType: "Gemm",
          name: "fc",
          input: ["x", "w", "b"],
          output: ["y"],
          attribute: [
            { name: "alpha", type: onnx.AttributeProto.AttributeType.FLOAT, f: 0.5 },
            { name: "transB", type: onnx.AttributeProto.AttributeType.INT, i: 1 },
          ],
        },
      ],
      input: [
        { name: "x", type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }, { dimValue: 40 }] } } } },
      ],
      output: [
        { name: "y", type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: "N" }, { dimValue: 30 }] } } } },
      ],
      initializer: initializers.map(({ header, bytes }) => ({
        dims: [...header.dims],
        dataType: dataTypeCode(header.dtype),
        name: header.name,
        rawData: Buffer.concat([bytes()].flat() as Uint8Array[]),
      })),
    },
  }).finish();
}

describe("modelFile", () => {
  test("gives the bytes of onnx-proto's own encoder", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat({ max: 40 }), { maxLength: 3 }), { maxLength: 5 }), (shapes) => {
        const tensors = shapes.map((dims, index) => tensor(`t${index}`, dims));
        expect(Buffer.compare(fileOf({ model, initializers: tensors }), encodedWhole(tensors))).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test.each(supportedOpsets)("a model of opset %i runs", async (opset) => {
    const { irVersion, opsetImports } = graphOf({ opset, nodes: [], inputs: [], outputs: [] });
    const file = fileOf({ model: { ...model, irVersion, opsetImports }, initializers: weights });
    const session = await open(file);
    const { y } = await session.run({ x: zeros({ name: "x", dtype: "f32", shape: [1, 40] }) });
    expect(Array.from(y?.data as Float32Array)).toEqual(ramp(30));
  });

  test("asks for a tensor's bytes once, when its turn comes, in pieces if need be", () => {
    const log: string[] = [];
    const logged = ({ header, bytes }: Initializer): Initializer => ({
      header,
      *bytes() {
        log.push(`read ${header.name}`);
        const whole = bytes() as Uint8Array;
        yield whole.subarray(0, 5);
        yield whole.subarray(5);
        log.push(`done ${header.name}`);
      },
    });
    const parts: Uint8Array[] = [];
    for (const part of modelFile(model, weights.map(logged))) {
      parts.push(Uint8Array.from(part));
      log.push("write");
    }
    const data = (name: string) => [`read ${name}`, "write", "write", `done ${name}`];
    expect(log).toEqual(["write", "write", ...data("w"), "write", ...data("b"), "write"]);
    expect(Buffer.concat(parts)).toEqual(Buffer.from(encodedWhole(weights)));
  });

  test.each([0, 119, 121])("refuses a tensor of 120 bytes that was given %i", (length) => {
    const wrong = { header: { name: "b", dtype: "f32", dims: [30] } as const, bytes: () => new Uint8Array(length) };
    expect(() => fileOf({ model, initializers: [wrong] })).toThrow(/takes 120 bytes and was given/);
  });

  test("refuses 2 GiB before the first byte", () => {
    const untouched = (name: string, gigabytes: number): Initializer => ({
      header: { name, dtype: "u8", dims: [gigabytes, 2 ** 30] },
      bytes: () => expect.fail("no bytes are needed"),
    });
    for (const tensors of [[untouched("a", 1), untouched("b", 1)], [untouched("a", 2)], [untouched("a", 5)]]) {
      expect(() => modelFile(model, tensors).next()).toThrow(/protobuf ends at 2147483647/);
    }
  });
});

describe("external data", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "timmc-writer-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("loads in ONNX Runtime, small tensors inline", async () => {
    const placed = placeExternally(weights, "model.onnx.data");
    expect(placed.map(({ header }) => header.external?.offset)).toEqual([0, undefined]);
    const path = join(folder, "model.onnx");
    writeFileSync(path, fileOf({ model, initializers: placed }));
    expect(await refusal(path)).toMatch(/model\.onnx\.data/);
    const data = new HashingFileSink(join(folder, "model.onnx.data"));
    for (const part of externalData(placed)) data.write(part);
    expect(data.commit().byteLength).toBe(4800);
    const session = await open(path);
    const ones = zeros({ name: "x", dtype: "f32", shape: [1, 40] });
    (ones.data as Float32Array).fill(1);
    const { y } = await session.run({ x: ones });
    const rows = ramp(1200);
    const expected = ramp(30).map(
      (bias, row) => bias + 0.5 * rows.slice(40 * row, 40 * row + 40).reduce((a, b) => a + b),
    );
    expect(Array.from(y?.data as Float32Array)).toEqual(expected);
    const decoded = decodeModel(readFileSync(path)).initializers;
    expect(decoded.map(({ header }) => header)).toEqual(placed.map(({ header }) => header));
  });

  test("one data file serves several models", async () => {
    const second = tensor("w2", [30, 40]);
    const placed = placeExternally([...weights, second], "shared.data");
    const [w, b, w2] = placed;
    if (w === undefined || b === undefined || w2 === undefined) return expect.fail();
    const data = new HashingFileSink(join(folder, "shared.data"));
    for (const part of externalData(placed)) data.write(part);
    data.commit();
    const renamed = { ...model, nodes: model.nodes.map((node) => ({ ...node, inputs: ["x", "w2", "b"] })) };
    writeFileSync(join(folder, "a.onnx"), fileOf({ model, initializers: [w, b] }));
    writeFileSync(join(folder, "b.onnx"), fileOf({ model: renamed, initializers: [b, w2] }));
    expect(await refusal(join(folder, "a.onnx"))).toBeUndefined();
    expect(await refusal(join(folder, "b.onnx"))).toBeUndefined();
  });

  test("tensors lie at multiples of 4096, in order, without overlap, and the file holds each at its place", () => {
    const shapes = fc.array(fc.tuple(fc.constantFrom<OnnxDType>("u8", "f16", "f32"), fc.nat({ max: 6000 })), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(shapes, (types) => {
        const tensors = types.map(([dtype, count], index): Initializer => {
          const header = { name: `t${index}`, dtype, dims: [count] };
          return { header, bytes: () => new Uint8Array(tensorByteLength(header)).fill(index + 1) };
        });
        const placed = placeExternally(tensors, "d");
        const data = Buffer.concat([...externalData(placed)]);
        let end = 0;
        for (const [index, { header }] of placed.entries()) {
          const length = tensorByteLength(header);
          if (header.external === undefined) {
            expect(length).toBeLessThan(1024);
            continue;
          }
          const { offset } = header.external;
          expect(offset % 4096).toBe(0);
          expect(offset).toBeGreaterThanOrEqual(end);
          expect(data.subarray(end, offset).every((byte) => byte === 0)).toBe(true);
          end = offset + length;
          expect(data.subarray(offset, end).every((byte) => byte === index + 1)).toBe(true);
        }
        expect(data.length).toBe(end);
      }),
      { numRuns: 30 },
    );
  });

  test("refuses overlapping places", () => {
    const placed = placeExternally([tensor("a", [2000]), tensor("b", [2000])], "d").toReversed();
    expect(() => [...externalData(placed)]).toThrow(TimmcError);
  });
});
