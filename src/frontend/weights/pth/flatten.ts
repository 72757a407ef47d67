import { type Refuse, shown } from "../file.ts";
import { type DictValue, type Value, isDict, isTensor, isUnreadable } from "./values.ts";

/** Deeper dictionaries are no state dicts; a dictionary may even lie in itself. */
const MAX_DEPTH = 8;
/** One dictionary may lie in many others, so that a small file can describe a tree of any size. */
const MAX_ENTRIES = 200_000;

/**
 * The tensors of dictionaries within dictionaries, under their keys joined by dots: `encoder.norm.weight`. Keys that are
 * no texts, such as the numbers in the state of an optimizer, are left out with all that lies under them.
 */
export function flattened(root: DictValue, refuse: Refuse): DictValue {
  const entries = new Map<Value, Value>();
  let seen = 0;
  const visit = (dict: DictValue, prefix: string, depth: number): void => {
    for (const [key, value] of dict.entries) {
      if (++seen > MAX_ENTRIES) refuse(`its dictionaries hold more than ${MAX_ENTRIES} entries`);
      if (typeof key !== "string") continue;
      const name = prefix + key;
      if (isDict(value) && depth < MAX_DEPTH) visit(value, `${name}.`, depth + 1);
      if (!isTensor(value) && !isUnreadable(value)) continue;
      if (entries.has(name)) refuse("two entries have this name once their dictionaries are joined", shown(name));
      entries.set(name, value);
    }
  };
  visit(root, "", 1);
  return { kind: "dict", entries };
}
