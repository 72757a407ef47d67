import type { OnnxAttribute, OnnxDType } from "../../../src/backends/onnx/model.ts";
import type { Operand, Sample } from "./samples.ts";

/** A sample with one change, which may or may not leave it valid. */
export interface Mutant {
  readonly change: string;
  readonly sample: Sample;
}

/** Every sample that differs from the given one in one thing that an operator schema speaks about. */
export function mutants(sample: Sample): readonly Mutant[] {
  const all: readonly Mutant[] = [
    { change: "rename the operator", sample: { ...sample, op: `${sample.op}Of` } },
    { change: "add an operand", sample: { ...sample, operands: [...sample.operands, extra] } },
    { change: "add a result", sample: { ...sample, results: [...sample.results, ["f32", 1]] } },
    { change: "drop the last result", sample: { ...sample, results: sample.results.slice(0, -1) } },
    ...operandMutants(sample),
    ...attributeMutants(sample),
  ];
  return all.filter((mutant) => mutant.sample.results.length > 0);
}

const extra: Operand = { dtype: "f32", dims: [1] };

const dtypes: readonly OnnxDType[] = ["f32", "f16", "bf16", "f64", "i64", "i32", "i16", "u8", "i8", "bool", "u4"];

function operandMutants(sample: Sample): Mutant[] {
  const { operands } = sample;
  return operands.flatMap((operand, index) => {
    const replaced = (by: Operand): Sample => ({ ...sample, operands: operands.with(index, by) });
    const retyped = dtypes
      .filter((dtype) => operand !== undefined && dtype !== operand.dtype)
      .map((dtype) => ({
        change: `make operand ${index} ${dtype}`,
        // A graph input: the values of an initializer would have to change with its type.
        sample: replaced({ dtype, dims: operand?.dims ?? [] }),
      }));
    return operand === undefined
      ? [{ change: `give operand ${index}`, sample: replaced(extra) }]
      : [{ change: `omit operand ${index}`, sample: replaced(undefined) }, ...retyped];
  });
}

function attributeMutants(sample: Sample): Mutant[] {
  const unknown: OnnxAttribute = { kind: "int", value: 1 };
  return [
    { change: "add an unknown attribute", sample: { ...sample, attributes: { ...sample.attributes, unknown } } },
    ...Object.entries(sample.attributes).flatMap(([name, attribute]) => {
      const { [name]: _, ...rest } = sample.attributes;
      return [
        { change: `omit ${name}`, sample: { ...sample, attributes: rest } },
        ...otherValues(attribute).map((other) => ({
          change: `make ${name} ${other.kind} ${String(other.value)}`,
          sample: { ...sample, attributes: { ...rest, [name]: other } },
        })),
      ];
    }),
  ];
}

function otherValues({ kind, value }: OnnxAttribute): OnnxAttribute[] {
  switch (kind) {
    case "int":
      return [
        { kind: "float", value },
        { kind: "ints", value: [value] },
        { kind, value: 77 },
      ];
    case "string":
      return [
        { kind: "int", value: 1 },
        { kind, value: "nonsense" },
      ];
    case "float":
      return [
        { kind: "int", value: 1 },
        { kind: "string", value: "1" },
      ];
    case "ints":
      return [
        { kind: "floats", value },
        { kind: "int", value: 1 },
      ];
    default:
      return [{ kind: "int", value: 1 }];
  }
}
