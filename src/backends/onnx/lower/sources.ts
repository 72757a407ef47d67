import { TimmcError } from "../../../ir/error.ts";
import type { OpName } from "../../../ir/ops/index.ts";
import type { Value } from "../../../ir/value.ts";

/** Sources are inputs or initializers of the model: no node makes them. */
export function source(value: Value): never {
  throw new TimmcError("invalid-ir", `%${value.name}: ${value.op} is not a node, it is an input or an initializer`);
}

/** An op that legalisation expresses by others before nodes are written. */
export function legalized(value: Value<OpName>): never {
  throw new TimmcError("invalid-ir", `%${value.name}: ${value.op} has no ONNX operator; the graph was not legalised`);
}
