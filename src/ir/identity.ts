import { createHash } from "node:crypto";
import { printAttr } from "./attr.ts";
import { printType } from "./type.ts";
import { type Value, attrEntries, is } from "./value.ts";

/**
 * Says what values are, whatever graphs they are in and whatever their names: two of one identity have the same op,
 * attributes and type, and operands of which that is true again, down to parameters for which `parameter` says the same.
 * Equal identities are therefore equal numbers; no number is looked at. The text has 64 characters.
 */
export function identities(parameter: (key: string) => string): (value: Value) => string {
  const known = new Map<Value, string>();
  const identityOf = (value: Value): string => {
    const before = known.get(value);
    if (before !== undefined) return before;
    const parts = [
      value.op,
      printType(value.type),
      is(value, "param") ? parameter(value.attrs.key) : "",
      ...attrEntries(value).map(([name, attr]) => `${name}=${printAttr(attr)}`),
      ...value.operands.map((x) => (x === undefined ? "-" : identityOf(x))),
    ];
    const identity = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
    known.set(value, identity);
    return identity;
  };
  return identityOf;
}
