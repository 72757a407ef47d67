import type { Value } from "../../ir/value.ts";
import type { Intermediate } from "../family.ts";
import type { Module, Scope } from "../scope.ts";

/** The norm behind a network's last stage, and where it lies. */
export interface FinalNorm {
  readonly path: string;
  readonly module: Module;
}

/**
 * A stage of a hierarchical network as forward_intermediates gives it: timm norms the last one alone. The norm is not
 * called as a module, since the network itself does that.
 */
export const normedAtEnd =
  (s: Scope, value: Value, norm: FinalNorm | undefined) =>
  (wanted: boolean): Intermediate =>
    wanted && norm !== undefined
      ? { value: norm.module(s.at(norm.path), value), normed: true }
      : { value, normed: false };
