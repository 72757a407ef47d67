import { type Builder, builderAt } from "../ir/builder.ts";
import type { Graph } from "../ir/graph.ts";
import type { OpName } from "../ir/ops/index.ts";
import type { Value } from "../ir/value.ts";
import type { OpPattern } from "./pattern.ts";

/** A builder of values that carry the module path of this one. */
type BuilderOn = (value: Value) => Builder;

/** A law: an expression, when it holds, and the equal expression. It sees types and structure, never numbers. */
interface RuleSpec<N extends OpName, C, F extends object> {
  readonly name: string;
  readonly pattern: OpPattern<N, C>;
  /**
   * What the pattern cannot say: true, or the reason why the law does not hold or does not pay. What it finds out on the
   * way and the rewrite needs, it answers in the place of true.
   */
  where?(found: C & { readonly root: Value<N> }, graph: Graph): true | string | F;
  /** The value whose module path the new values carry; the replaced one without. */
  origin?(found: C & { readonly root: Value<N> }): Value;
  /**
   * Builds the equal expression, of the same type as the root. A law that joins modules builds what stands for a value of
   * another path with `on(value)`.
   */
  rewrite(found: C & F & { readonly root: Value<N> }, b: Builder, on: BuilderOn): Value;
}

/** A rule whose captures are checked and forgotten. */
export interface Rule {
  readonly name: string;
  /** The ops that it replaces. */
  readonly ops: readonly OpName[];
  /** Whether it would fire at a value: what it would do, or the reason why not. */
  match(value: Value, graph: Graph): Firing | string;
}

export interface Firing {
  /** The values that the pattern covers, which nothing else uses, and those that it only looks at. */
  readonly consumed: readonly Value[];
  /** The module path of the result. */
  readonly path: string;
  rewrite(on: BuilderOn): Value;
}

export function defineRule<N extends OpName, C, F extends object = object>(spec: RuleSpec<N, C, F>): Rule {
  return {
    name: spec.name,
    ops: spec.pattern.ops,
    match: (root, graph) => {
      const found = spec.pattern.matchRoot(root, { captures: {}, consumed: [] }, graph);
      if (typeof found === "string") return found;
      // The pattern's type says what its captures are; the engine handles patterns of every type.
      const captures = { ...found.captures, root } as unknown as C & { readonly root: Value<N> };
      const holds = spec.where?.(captures, graph) ?? true;
      if (typeof holds === "string") return holds;
      // Without facts F is the empty object.
      const known = (holds === true ? captures : { ...captures, ...holds }) as C & F & { readonly root: Value<N> };
      const origin = spec.origin?.(captures) ?? root;
      const { path } = origin.origin;
      return { consumed: found.consumed, path, rewrite: (on) => spec.rewrite(known, on(origin), on) };
    },
  };
}

/** Applies a rule at a value, if it holds there. What the rewrite leaves without a use is erased. */
export function apply(rule: Rule, root: Value, graph: Graph): boolean {
  const firing = rule.match(root, graph);
  if (typeof firing === "string") return false;
  const rules = [...new Set([...firing.consumed.toReversed().flatMap((v) => v.origin.rules), rule.name])];
  const result = firing.rewrite(({ origin: { path } }) => builderAt({ graph, origin: { path, rules }, before: root }));
  graph.replaceUses(root, result);
  eraseUnused(graph, root);
  return true;
}

/** Erases a value that nothing uses, and then its operands where they have lost their last use. */
function eraseUnused(graph: Graph, value: Value): void {
  if (value.op === "input" || graph.useCount(value) > 0) return;
  const operands = new Set(value.operands);
  graph.erase(value);
  for (const x of operands) if (x !== undefined) eraseUnused(graph, x);
}
