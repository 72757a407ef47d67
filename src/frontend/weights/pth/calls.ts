import type { Refuse } from "../file.ts";
import { dtypeOf, inert, refusedCall, unreadable } from "./globals.ts";
import { newDict } from "./machine.ts";
import { tensorView } from "./tensors.ts";
import { type GlobalValue, type Value, describeValue } from "./values.ts";

/** What a call stands for; `charge` is told of work beyond one step. */
type Rule = (args: readonly Value[], refuse: Refuse, charge: (items: number) => void) => Value;

const FROM_TYPE = "torch._tensor._rebuild_from_type_v2";

/** The allow-list: every call that builds a part of a state dict. */
const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["collections.OrderedDict", orderedDict],
  ["builtins.dict", orderedDict],
  ["torch.Size", ([sizes = null]) => sizes],
  ["torch._utils._rebuild_tensor", ([storage, ...view], refuse) => tensorView(storage, undefined, view, refuse)],
  ["torch._utils._rebuild_tensor_v2", ([storage, ...view], refuse) => tensorView(storage, undefined, view, refuse)],
  ["torch._utils._rebuild_tensor_v3", typedTensor],
  ["torch._utils._rebuild_parameter", wrapped],
  ["torch._utils._rebuild_parameter_with_state", wrapped],
  ["torch.nn.parameter.Parameter", wrapped],
  ["torch.nn.parameter.Buffer", wrapped],
  [FROM_TYPE, fromType],
]);

/** Gives a call's data. Throws by `refuse`, naming module and class, for everything that is not on a list. */
export function interpretCall(
  callee: GlobalValue,
  args: readonly Value[],
  refuse: Refuse,
  charge: (items: number) => void,
): Value {
  const { name } = callee;
  const rule = rules.get(name);
  if (rule !== undefined) return rule(args, refuse, charge);
  if (inert.has(name)) return { kind: "opaque", what: `a ${name}` };
  const what = unreadable.get(name);
  return what === undefined ? refuse(refusedCall(name)) : { kind: "opaque", what, isTensor: true };
}

/** `OrderedDict()`, or Python 2's `OrderedDict([[key, value], ...])`. */
function orderedDict([pairs, ...rest]: readonly Value[], refuse: Refuse, charge: (items: number) => void): Value {
  const dict = newDict();
  if (pairs === undefined) return dict;
  const items = itemsOf(pairs);
  if (items === undefined || rest.length > 0) return refuse(`a dictionary is made from ${describeValue(pairs)}`);
  charge(items.length);
  for (const pair of items) {
    const [key, value, ...more] = itemsOf(pair) ?? [];
    if (key === undefined || value === undefined || more.length > 0) {
      return refuse(`a dictionary has the item ${describeValue(pair)} instead of a pair`);
    }
    dict.entries.set(key, value);
  }
  return dict;
}

/** (storage, offset, size, stride, requires_grad, hooks, dtype, ...): types that have no storage class of their own. */
function typedTensor([storage, offset, size, stride, , , type]: readonly Value[], refuse: Refuse): Value {
  const name = typeof type === "object" && type?.kind === "global" ? type.name : describeValue(type ?? null);
  const dtype = dtypeOf(name) ?? refuse(`a tensor's element type is ${name}, which is not known`);
  return tensorView(storage, dtype, [offset, size, stride], refuse);
}

/** A parameter is its data. */
function wrapped([data]: readonly Value[], refuse: Refuse): Value {
  const readable = typeof data === "object" && (data?.kind === "tensor" || data?.kind === "opaque");
  return readable ? data : refuse(`a parameter's data is ${describeValue(data ?? null)}`);
}

/** (function, class, arguments, state): the function's tensor, whatever class of tensor it is. */
function fromType([callee, , args]: readonly Value[], refuse: Refuse, charge: (items: number) => void): Value {
  const items = args === undefined ? undefined : itemsOf(args);
  if (items === undefined || typeof callee !== "object" || callee?.kind !== "global") {
    return refuse(`a tensor is rebuilt by ${describeValue(callee ?? null)}`);
  }
  if (callee.name === FROM_TYPE) return refuse("a tensor's class is nested in itself");
  return interpretCall(callee, items, refuse, charge);
}

const itemsOf = (value: Value): readonly Value[] | undefined =>
  typeof value === "object" && (value?.kind === "tuple" || value?.kind === "list") ? value.items : undefined;
