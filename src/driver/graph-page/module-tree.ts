import type { Value } from "../../ir/value.ts";

/** Every module of a network by its path, parents first; the first is the root, whose path is empty. */
export interface ModuleTree {
  readonly modules: readonly { readonly name: string; readonly parent: number }[];
  readonly places: ReadonlyMap<string, number>;
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")));

/** The module that a value belongs to: a parameter's name has one piece more, an input is the network's own. */
export function modulePathOf({ op, origin: { path } }: Value): string {
  if (op === "input") return "";
  return op === "param" ? parentOf(path) : path;
}

/**
 * The tree of these paths and of all between them and the root. Siblings are in the order of the paths, that of the
 * forward pass, so that parents may come after what is below them.
 */
export function moduleTree(paths: Iterable<string>): ModuleTree {
  const modules: { name: string; parent: number }[] = [{ name: "", parent: -1 }];
  const places = new Map([["", 0]]);
  const add = (path: string): number => {
    const known = places.get(path);
    if (known !== undefined) return known;
    const parent = add(parentOf(path));
    const place = modules.length;
    modules.push({ name: path.slice(path.lastIndexOf(".") + 1), parent });
    places.set(path, place);
    return place;
  };
  for (const path of paths) add(path);
  return { modules, places };
}
