import type { CompileRequest } from "./compile.ts";

/**
 * The same request with the keys of its objects in the order of their names: how a user happened to write them decides
 * neither the artifact's bytes nor the order of its notices.
 */
export const sortedRequest = (request: CompileRequest): CompileRequest => ({
  ...request,
  ...(request.args && { args: sorted(request.args) }),
  ...(request.cfg && { cfg: sorted(request.cfg) }),
  ...(request.tiles && { tiles: sorted(request.tiles) }),
});

const sorted = <T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
  Object.fromEntries(byName(record).map(([key, value]) => [key, sortedValue(value) as T]));

/** Lists keep their order, objects at any depth lose theirs. */
function sortedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedValue);
  return typeof value === "object" && value !== null ? sorted({ ...value }) : value;
}

const byName = <T>(record: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
