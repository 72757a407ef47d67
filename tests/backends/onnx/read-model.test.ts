import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import onnxProto from "onnx-proto";
import { beforeAll, describe, expect, test } from "vitest";
import { decodeModel } from "../../../src/backends/onnx/proto.ts";
import { readModelHeaders } from "../../../src/backends/onnx/read-model.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { compileTiny, temporaryFolder } from "../../driver/workspace.ts";

const { onnx } = onnxProto;
const at = temporaryFolder();
let whole = Buffer.alloc(0);

beforeAll(async () => {
  await compileTiny(at("tiny"), { model: "test_vit", inputSize: undefined });
  whole = readFileSync(join(at("tiny"), "model.onnx"));
});

/** Writes a file and reads it. */
function read(bytes: Uint8Array) {
  writeFileSync(at("model.onnx"), bytes);
  return readModelHeaders(at("model.onnx"));
}

const graph = (fields: onnxProto.onnx.IGraphProto): Uint8Array => onnx.ModelProto.encode({ graph: fields }).finish();

describe("readModelHeaders", () => {
  test("finds what decoding the whole file finds, and every initializer's bytes in the file", () => {
    const { model, initializers } = read(whole);
    const decoded = decodeModel(whole);
    expect(model).toEqual(decoded.model);
    expect(initializers.map(({ header }) => header)).toEqual(decoded.initializers.map(({ header }) => header));
    expect(initializers.length).toBeGreaterThan(20);
    for (const [i, { offset = -1 }] of initializers.entries()) {
      const { bytes = new Uint8Array(), header } = decoded.initializers[i] ?? { header: undefined };
      expect(whole.subarray(offset, offset + bytes.length).equals(bytes), header?.name).toBe(true);
    }
  });

  test("reads a file whose weights are gigabytes of nothing, without them", () => {
    const header = { dims: [2 ** 14, 2 ** 14], dataType: 1, name: "w" };
    const tensor = Buffer.from(
      onnx.TensorProto.encode(header)
        .uint32(74)
        .uint32(2 ** 30)
        .finish(),
    );
    const room = tensor.length + 2 ** 30;
    const inGraph = Buffer.from(onnx.GraphProto.encode({}).uint32(42).uint32(room).finish());
    const head = Buffer.from(
      onnx.ModelProto.encode({})
        .uint32(58)
        .uint32(inGraph.length + room)
        .finish(),
    );
    writeFileSync(at("sparse.onnx"), Buffer.concat([head, inGraph, tensor]));
    const offset = head.length + inGraph.length + tensor.length;
    truncateSync(at("sparse.onnx"), offset + 2 ** 30);
    const before = process.memoryUsage().arrayBuffers;
    expect(readModelHeaders(at("sparse.onnx")).initializers).toEqual([
      { header: { name: "w", dtype: "f32", dims: [2 ** 14, 2 ** 14] }, offset },
    ]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  });

  const raw = (length: number) => ({ name: "w", dims: [2], dataType: 1, rawData: new Uint8Array(length) });
  test.each([
    ["no protobuf", Buffer.from("PK\u0003\u0004 is a zip file"), /begins no field|wire type|does not end|cannot read/],
    ["two graphs", Buffer.concat([graph({ name: "a" }), graph({ name: "b" })]), /two graphs/],
    ["a tensor of another length", graph({ initializer: [raw(7)] }), /raw data do not fit/],
    ["numbers in another field", graph({ initializer: [{ ...raw(0), floatData: [1, 2] }] }), /raw data do not fit/],
    ["one name twice", graph({ initializer: [raw(8), raw(8)] }), /two initializers have one name/],
    ["a group", Buffer.from([0x0b, 0x0c]), /wire type 3/],
    ["a length behind the end", Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f]), /begins no field/],
    ["a number without an end", Buffer.alloc(16, 0xff), /does not end/],
    ["too many nodes", graph({ node: Array.from({ length: 200_001 }, () => ({})) }), /more than 200000/],
    ["a node that is too large", graph({ node: [{ name: "x".repeat(2 ** 24 + 1) }] }), /more than 16777216 bytes/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(TimmcError);
    expect(() => read(bytes)).toThrow(message);
  });

  test("damage ends in an answer or in a TimmcError, never in anything else", () => {
    const small = Buffer.from(
      onnx.ModelProto.encode({
        irVersion: 8,
        graph: { name: "g", node: [{ name: "n", input: ["a"] }], initializer: [raw(8)] },
      }).finish(),
    );
    const edit = fc.record({ at: fc.nat({ max: small.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 4 }), fc.nat({ max: small.length }), (edits, length) => {
        const bytes = Buffer.from(small);
        for (const { at: place, byte } of edits) bytes[place] = byte;
        try {
          read(bytes.subarray(0, length));
        } catch (error) {
          expect(error).toBeInstanceOf(TimmcError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
