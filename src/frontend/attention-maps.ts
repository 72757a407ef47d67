import { builderAt } from "../ir/builder.ts";
import { TimmcError } from "../ir/error.ts";
import { type Value, is } from "../ir/value.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import { didYouMean, nearNames } from "./suggest.ts";

/** What one attention gives, and the module whose it is. */
interface AttentionMap {
  readonly path: string;
  /** Probabilities [N, ..., heads, queries, keys]. */
  readonly value: Value;
}

/**
 * The probabilities of every attention in a module, in the order of the forward pass: softmax(q k^T scale + bias),
 * which the op itself keeps to itself. Throws `usage` where the module has none.
 */
export function attentionMaps({ graph, modules }: LoweredModel, path: string): AttentionMap[] {
  const attentions = [...graph.values()].filter((v): v is Value<"attention"> => is(v, "attention"));
  const isInside = (place: string): boolean => place === path || place.startsWith(`${path}.`);
  const found = attentions.filter((v) => isInside(v.origin.path));
  if (found.length > 0) return found.map((v) => ({ path: v.origin.path, value: probabilitiesOf(v, graph) }));
  const places = new Set(attentions.map((v) => v.origin.path));
  const known = modules.has(path) ? "has no attention" : "is no module";
  throw new TimmcError("usage", `attn: ${JSON.stringify(path)} ${known}`, {
    hint:
      places.size === 0
        ? "this network has no attention of queries to keys"
        : (didYouMean(nearNames(path, places)) ?? `attention is in ${[...places].slice(0, 3).join(", ")} ...`),
  });
}

function probabilitiesOf(value: Value<"attention">, graph: LoweredModel["graph"]): Value {
  const [q, k, , bias] = value.operands;
  if (q === undefined || k === undefined) throw new TimmcError("invalid-ir", `%${value.name} has no queries or keys`);
  const b = builderAt({ graph, origin: { path: value.origin.path, rules: [] } });
  const axes = k.type.shape.map((_, axis) => axis);
  const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
  const scale = b.constant({ values: [value.attrs.scale] });
  const scores = b.mul(b.matmul(q, b.transpose(k, { perm })), scale);
  return b.softmax(bias === undefined ? scores : b.add(scores, bias), { axis: -1 });
}
