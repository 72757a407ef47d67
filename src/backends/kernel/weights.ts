import { type Parameters, readsParameter, weightEnvironment } from "../parameters.ts";
import { encodeNumbers } from "../../ir/bytes.ts";
import { largestHalf } from "../../ir/float.ts";
import { evaluateWeight } from "../../ir/interpret.ts";
import { ordered } from "../../runtime/order.ts";
import type { KernelPlan } from "./plan.ts";

/** A weight as the file has it. */
interface StoredWeight {
  readonly header: { readonly name: string; readonly dtype: string };
  /** Whether its values come from the checkpoint. */
  readonly fromCheckpoint: boolean;
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
  /** Evaluates the weight, and lays its elements out as its kernels read them. */
  bytes(): Uint8Array;
}

/** Infinities, of masks say, are the last of the halves: kernels compute with finite numbers. */
const saturated = (x: number): number => Math.min(Math.max(x, -largestHalf), largestHalf);

/** The weights of a plan in the order of the file. Reads nothing. */
export function storedWeights({ weights }: Pick<KernelPlan, "weights">, parameters: Parameters): StoredWeight[] {
  const environment = weightEnvironment(parameters);
  return weights.places.map(({ weight: { value, order, buffer }, offset }) => ({
    header: { name: value.name, dtype: buffer.storage },
    fromCheckpoint: readsParameter(value),
    offset,
    bytes: () => {
      const { data } = evaluateWeight(value, environment);
      const finite = buffer.storage === "f16" ? data.map(saturated) : data;
      return encodeNumbers(buffer.storage, ordered(finite, value.type.shape as readonly number[], order));
    },
  }));
}

/** The bytes of the weight file in order: each weight is evaluated when its turn comes. */
export function* weightBytes(
  plan: Pick<KernelPlan, "weights">,
  parameters: Parameters,
  stored: readonly StoredWeight[] = storedWeights(plan, parameters),
): Generator<Uint8Array> {
  let at = 0;
  for (const weight of stored) {
    if (weight.offset > at) yield new Uint8Array(weight.offset - at);
    const bytes = weight.bytes();
    yield bytes;
    at = weight.offset + bytes.length;
  }
  if (plan.weights.bytes > at) yield new Uint8Array(plan.weights.bytes - at);
}
