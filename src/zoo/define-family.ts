import { TimmcError } from "../ir/error.ts";
import { impliedArgs, isSizeSymbolic } from "./any-size.ts";
import type { Family, FamilySpec } from "./family.ts";
import { type ConfigOf, type Schema, defaultsOf } from "./schema.ts";

export function defineFamily<S extends Schema>(spec: FamilySpec<S>): Family {
  const configure = (variant: string, given: Readonly<Record<string, unknown>>): ConfigOf<S> => {
    const row = spec.variants[variant];
    if (row === undefined) throw new TimmcError("unsupported", `${spec.name} has no architecture ${variant}`);
    const names = new Set(Object.keys(given));
    const config = { ...defaultsOf(spec.args), ...row, ...given };
    const complete = spec.complete?.(config, names) ?? config;
    const reason = spec.refuse?.(complete, names);
    if (reason !== undefined) throw new TimmcError("usage", reason);
    return complete;
  };
  return {
    name: spec.name,
    paper: spec.paper,
    args: spec.args,
    variants: spec.variants,
    lastStages: spec.lastStages,
    configure,
    groups: (variant, given, coarse) => spec.groups(coarse, configure(variant, given)),
    remap: (variant, given) => spec.remap?.(configure(variant, given)) ?? { layouts: [], tail: [] },
    build: (s, x, variant, given) => {
      for (const name of Object.keys(given))
        if (spec.args[name]?.ignored === true) s.notice(`${name} has no effect: timm accepts and ignores it here`);
      const config = configure(variant, { ...impliedArgs(spec.args, x), ...given });
      const fixed = isSizeSymbolic(x) ? spec.fixedSize?.(config) : undefined;
      if (fixed !== undefined)
        throw new TimmcError("unsupported", fixed, { hint: "compile for a fixed size, or for several with --sizes" });
      return spec.build(s, x, config);
    },
  };
}
