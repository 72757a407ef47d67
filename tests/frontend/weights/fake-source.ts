import type { StoredDType, TensorData, WeightSource } from "../../../src/frontend/weights/source.ts";
import { bytesOf } from "../../../src/ir/bytes.ts";

export const tensorData = (dtype: StoredDType, shape: readonly number[], values: ArrayBufferView): TensorData => ({
  dtype,
  shape,
  read: () => new Uint8Array(bytesOf(values)),
});

export const f32Data = (shape: readonly number[], values: Iterable<number>): TensorData =>
  tensorData("f32", shape, Float32Array.from(values));

/** A source over tensors in memory that counts its reads. */
export function fakeSource(tensors: Readonly<Record<string, TensorData>>): WeightSource & { reads(): number } {
  let reads = 0;
  const counted = (data: TensorData): TensorData => ({
    ...data,
    read: () => {
      reads++;
      return data.read();
    },
  });
  const map = new Map(Object.entries(tensors).map(([name, data]) => [name, counted(data)]));
  return { label: "fake", keys: () => map.keys(), get: (name) => map.get(name), close: () => {}, reads: () => reads };
}
