import { TimmcError } from "../../ir/error.ts";
import { shown } from "./file.ts";
import type { WeightSource } from "./source.ts";

/** What torch.nn.parallel and torch.compile put before the names of the model that they wrap. */
const wrappers = ["module.", "_orig_mod."] as const;

/** A key without one leading `module.`, then without one leading `_orig_mod.`, as timm takes them off every file. */
const unwrappedName = (key: string): string =>
  wrappers.reduce((name, wrapper) => (name.startsWith(wrapper) ? name.slice(wrapper.length) : name), key);

/** A source under unwrapped names; itself where no key is wrapped. Throws `weights` where two keys get one name. */
export function unwrapped(source: WeightSource): WeightSource {
  const keys = new Map<string, string>();
  let wrapped = false;
  for (const key of source.keys()) {
    const name = unwrappedName(key);
    wrapped ||= name !== key;
    if (keys.has(name))
      throw new TimmcError("weights", "two entries have this name once `module.` is taken off", {
        trail: [source.label, shown(name)],
        hint: "Save the model that is wrapped: model.module.state_dict().",
      });
    keys.set(name, key);
  }
  if (!wrapped) return source;
  const getUnder = (key: string | undefined) => (key === undefined ? undefined : source.get(key));
  return { ...source, keys: () => keys.keys(), get: (name) => getUnder(keys.get(name)) };
}
