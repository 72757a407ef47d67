import { weightEnvironment, type Parameters } from "../parameters.ts";
import { encodeNumbers } from "../../ir/bytes.ts";
import { evaluateWeight } from "../../ir/interpret.ts";
import { ordered } from "../../runtime/order.ts";
import type { KernelPlan } from "./plan.ts";

/**
 * The bytes of the weight file in order: each weight is evaluated, and its elements laid out as its kernels read them, when its
 * turn comes.
 */
export function* weightBytes({ weights }: Pick<KernelPlan, "weights">, parameters: Parameters): Generator<Uint8Array> {
  const environment = weightEnvironment(parameters);
  let at = 0;
  for (const { weight, offset } of weights.places) {
    if (offset > at) yield new Uint8Array(offset - at);
    const { value, order, buffer } = weight;
    const { data } = evaluateWeight(value, environment);
    const bytes = encodeNumbers(buffer.storage, ordered(data, value.type.shape as readonly number[], order));
    yield bytes;
    at = offset + bytes.length;
  }
  if (weights.bytes > at) yield new Uint8Array(weights.bytes - at);
}
