import { printShape } from "../../src/ir/dim.ts";
import type { TensorRecord } from "./records.ts";

export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** What samples, mean and standard deviation may differ by (float32 against float32). */
export const allowed = ({ std, absmax }: TensorRecord): number => 1e-3 * std + 1e-5 * absmax;

/** What is wrong with a tensor, or undefined. A NaN anywhere is wrong. `slack` comes on top of what is allowed. */
export function disagreement({ dims, data }: Tensor, record: TensorRecord, slack = 0): string | undefined {
  if (printShape(dims) !== printShape(record.shape))
    return `shape ${printShape(dims)}, must be ${printShape(record.shape)}`;
  const n = data.length;
  const mean = data.reduce((sum, v) => sum + v, 0) / n;
  const std = Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
  const errors = record.samples.map((v, k) => Math.abs(Number(data[sampleIndex(k, n)]) - v));
  const error = Math.max(Math.abs(mean - record.mean), Math.abs(std - record.std), ...errors);
  const limit = allowed(record) + slack;
  if (error <= limit) return undefined;
  return `error ${error.toExponential(2)}, allowed ${limit.toExponential(2)} (std ${record.std.toPrecision(3)})`;
}

const sampleIndex = (k: number, n: number): number => (n > 64 ? Math.floor((k * (n - 1)) / 63) : k);

/** Runs of one image alone and in a batch differ by rounding only: 1e-4 of the largest magnitude at most, and the slack. */
export function rowDisagreement(alone: Float32Array, inBatch: Float32Array, slack = 0): string | undefined {
  if (alone.length !== inBatch.length) return `${inBatch.length} elements, must be ${alone.length}`;
  let error = 0;
  let reach = 0;
  for (const [i, v] of alone.entries()) {
    error = Math.max(error, Math.abs(v - Number(inBatch[i])));
    reach = Math.max(reach, Math.abs(v));
  }
  if (error <= 1e-4 * reach + slack) return undefined;
  return `differs by ${(error / reach).toExponential(1)} of the largest magnitude`;
}
