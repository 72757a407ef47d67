import { type Parameters, readsParameter, weightEnvironment } from "../../backends/parameters.ts";
import { encodeNumbers } from "../../ir/bytes.ts";
import type { Graph } from "../../ir/graph.ts";
import { evaluateWeight, needed } from "../../ir/interpret.ts";
import { type StaticType, byteLength, isStaticType } from "../../ir/type.ts";
import type { Value } from "../../ir/value.ts";

/** Above, weights are evaluated again in every trial. */
const mostBytes = 2 ** 30;

interface Frozen {
  readonly graph: Graph;
  readonly parameters: Parameters;
}

/**
 * A copy of a graph whose weight expressions are parameters, each evaluated once when it is first read: for trials that
 * emit the graph again and again. What runs keeps its names.
 */
export function frozen(graph: Graph, parameters: Parameters): Frozen {
  const { graph: copy } = graph.clone();
  const expressions = [...weightsThatRun(copy)].filter((v) => v.op !== "param" && readsParameter(v));
  const bytes = expressions.reduce((n, { type }) => n + (isStaticType(type) ? byteLength(type) : 0), 0);
  if (bytes > mostBytes) return { graph: copy, parameters };
  const sources = new Map<string, Value>();
  for (const [i, value] of expressions.entries()) {
    const key = `frozen ${i}`;
    const { type, origin } = value;
    const param = copy.insert("param", [], { key, dtype: type.dtype, shape: type.shape }, origin, value);
    sources.set(key, value);
    copy.replaceUses(value, param);
  }
  const known = new Map<string, Uint8Array>();
  const evaluated = (key: string, source: Value, { dtype }: StaticType): Uint8Array => {
    const numbers = known.get(key) ?? encodeNumbers(dtype, evaluateWeight(source, weightEnvironment(parameters)).data);
    known.set(key, numbers);
    return numbers;
  };
  return {
    graph: copy,
    parameters: {
      bytes: (key, type) => {
        const source = sources.get(key);
        return source === undefined ? parameters.bytes(key, type) : evaluated(key, source, type);
      },
    },
  };
}

/** Weights that something reads which runs. */
function weightsThatRun(graph: Graph): ReadonlySet<Value> {
  const running = needed(graph).filter((v) => !v.isWeight);
  return new Set(running.flatMap((v) => v.operands.filter((x): x is Value => x?.isWeight === true)));
}
