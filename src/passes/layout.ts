import { rewriting } from "./rewriting.ts";
import type { Rule } from "./rule.ts";
import { mergeReshapes } from "./rules/merge-reshapes.ts";
import { mergeTransposes } from "./rules/merge-transposes.ts";
import { transposeAsReshape } from "./rules/transpose-as-reshape.ts";

/** Movements that cancel or merge; a pass that makes movements takes these along, so that what they meet goes away. */
export const layoutRules: readonly Rule[] = [mergeTransposes, mergeReshapes, transposeAsReshape];

export const layout = rewriting("layout", layoutRules);
