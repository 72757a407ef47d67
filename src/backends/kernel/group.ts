import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import { isMovement, isPoint } from "./ops/point.ts";
import { rootOf } from "./ops/root.ts";

/**
 * One kernel: the values from a root, an op that sums, up to the value that is stored. Without a root the kernel is
 * element by element. What else it reads is stored by kernels before it, or computed where it is read.
 */
export interface Group {
  readonly root: Value | undefined;
  /** The values behind the root in order; the last one is stored. Empty where the root itself is. */
  readonly chain: readonly Value[];
  readonly stored: Value;
}

/**
 * Cuts a graph into kernels. A root takes along the point ops behind it as long as each is the only use of the one before,
 * keeps its elements apart, and has its shape. Other point ops are computed where they are read, unless
 * that would be done too often: a value with several uses that is more than a movement, and arithmetic ahead of a window.
 */
export function groupsOf(graph: Graph): Group[] {
  const users = usersOf(graph);
  const outputs = new Set(graph.outputs.map((o) => o.value));
  const groups: Group[] = [];
  const taken = new Set<Value>();
  for (const value of graph.values()) {
    if (value.isWeight || value.op === "input" || taken.has(value)) continue;
    if (rootOf(value) !== undefined) {
      const chain = chainOf(value, users, outputs, taken);
      for (const link of chain) taken.add(link);
      groups.push({ root: value, chain, stored: chain.at(-1) ?? value });
    } else if (outputs.has(value) || mustStore(value, users))
      groups.push({ root: undefined, chain: [], stored: value });
  }
  const position = new Map([...graph.values()].map((v, i) => [v, i]));
  return groups.sort((a, b) => (position.get(a.stored) ?? 0) - (position.get(b.stored) ?? 0));
}

function usersOf(graph: Graph): ReadonlyMap<Value, readonly Value[]> {
  const users = new Map<Value, Value[]>();
  for (const value of graph.values())
    for (const operand of new Set(value.operands))
      if (operand !== undefined) users.set(operand, [...(users.get(operand) ?? []), value]);
  return users;
}

const size = (v: Value): number => v.type.shape.reduce<number>((n, d) => n * (d as number), 1);

function chainOf(
  root: Value,
  users: ReadonlyMap<Value, readonly Value[]>,
  outputs: ReadonlySet<Value>,
  taken: ReadonlySet<Value>,
): Value[] {
  const chain: Value[] = [];
  let last = root;
  for (;;) {
    const [user, ...others] = users.get(last) ?? [];
    if (user === undefined || others.length > 0 || outputs.has(last)) return trimmed(chain);
    const once = user.operands.filter((x) => x === last).length === 1;
    const carries =
      user.op === "reshape" ||
      user.op === "transpose" ||
      (isPoint(user) && !isMovement(user) && user.op !== "concat" && user.op !== "pad" && user.op !== "iota");
    if (!once || !carries || taken.has(user) || size(user) !== size(last)) return trimmed(chain);
    chain.push(user);
    last = user;
  }
}

/** Movements at the end of a chain are left to whoever reads. */
function trimmed(chain: Value[]): Value[] {
  let end = chain.length;
  while (end > 0 && isMovement(chain[end - 1] as Value)) end--;
  return chain.slice(0, end);
}

const windowed = new Set(["conv", "avg_pool", "max_pool", "matmul", "attention", "layer_norm", "softmax"]);

function mustStore(value: Value, users: ReadonlyMap<Value, readonly Value[]>): boolean {
  if (isMovement(value)) return false;
  const own = users.get(value) ?? [];
  if (own.length > 1) return true;
  return own.some((user) => rootOf(user) !== undefined && windowed.has(user.op) && !isPointwise(user));
}

/** A convolution that reads each element for one place only. */
const isPointwise = (v: Value): boolean =>
  v.op === "conv" && (v.operands[1]?.type.shape.slice(2).every((k) => k === 1) ?? false);
