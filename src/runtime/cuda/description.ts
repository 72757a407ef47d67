import { TimmcError } from "../../ir/error.ts";
import { count } from "../../ir/type.ts";

/** An input or an output: float32 in row-major order. */
export interface CudaTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What a model's program says of itself. */
export interface Description {
  /** The name of the CUDA device. */
  readonly device: string;
  readonly inputs: readonly CudaTensor[];
  readonly outputs: readonly CudaTensor[];
}

/** Reads a program's first line. Throws `unsupported` where it is no description: names, and shapes of whole numbers. */
export function readDescription(line: string): Description {
  const parsed = parse(line);
  const { device, inputs, outputs } = isRecord(parsed) ? parsed : {};
  if (typeof device === "string" && areTensors(inputs) && areTensors(outputs)) return { device, inputs, outputs };
  throw new TimmcError(
    "unsupported",
    `the CUDA program does not say what it is: ${JSON.stringify(line.slice(0, 80))}`,
    {
      hint: "Compile the model again: its main.cpp may have been changed.",
    },
  );
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const areTensors = (value: unknown): value is readonly CudaTensor[] => Array.isArray(value) && value.every(isTensor);

/** No device holds tensors of 2^40 elements. */
function isTensor(value: unknown): value is CudaTensor {
  const { name, shape } = isRecord(value) ? value : {};
  return typeof name === "string" && isShape(shape) && count(shape) < 2 ** 40;
}

const isShape = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent > 0);
