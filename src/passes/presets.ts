import type { Pipeline } from "./pass.ts";
import { passOf, rewriting } from "./rewriting.ts";
import type { Rule } from "./rule.ts";
import { attendToInputs } from "./rules/attend-to-inputs.ts";
import { dropReshape } from "./rules/drop-reshape.ts";
import { factorGate } from "./rules/factor-gate.ts";
import { foldBatchNorm } from "./rules/fold-batch-norm.ts";
import { foldInputScalePastShift } from "./rules/fold-input-scale-past-shift.ts";
import { foldInputScale } from "./rules/fold-input-scale.ts";
import { foldInputShift } from "./rules/fold-input-shift.ts";
import { foldScale } from "./rules/fold-scale.ts";
import { mergeReshapes } from "./rules/merge-reshapes.ts";
import { mergeTransposes } from "./rules/merge-transposes.ts";
import { scaleGate } from "./rules/scale-gate.ts";
import { scaleIntoPackedQuery } from "./rules/scale-into-packed-query.ts";
import { scaleIntoQuery } from "./rules/scale-into-query.ts";
import { splitBatchNorm } from "./rules/split-batch-norm.ts";
import { transposeAsReshape } from "./rules/transpose-as-reshape.ts";
import { deadCode } from "./whole-graph/dead-code.ts";
import { narrow } from "./whole-graph/narrow.ts";

/**
 * Per-channel affine maps in front of convolutions, such as the normalisation of pixels: one pass, since each rule uncovers
 * what the next one folds. A shift that folds away leaves the scale before it in reach. Of the five operations that
 * --preprocess adds, the cast and the transpose stay, and before a padded stem one subtraction. Measured under ONNX Runtime
 * with 224 x 224 pixels and one thread: 0.88 of the time of normalisation and a 16 x 16 patch embedding, 0.08 ms; padded
 * stems and whole networks do not show it. It stays for runtimes that fuse less: each operation is a pass over the input.
 */
export const foldInput = rewriting("fold-input", [foldInputScale, foldInputShift, foldInputScalePastShift]);

/** Norms of joined convolutions are divided first, so that each part folds. */
export const foldNorms = rewriting("fold-batch-norm", [foldBatchNorm, splitBatchNorm]);

/**
 * Arithmetic around a gate moves to the gate, which is small, or into the linear map or convolution behind: one pass over
 * the map is left of four.
 */
export const gates = rewriting("gates", [scaleGate, factorGate, foldInputShift]);

/** The scale of an attention goes into the weights of its queries. */
export const scaleQueries = rewriting("scale-into-query", [scaleIntoQuery, scaleIntoPackedQuery]);

/** Movements that cancel or merge; a pass that makes movements takes these along, so that what they meet goes away. */
export const layoutRules: readonly Rule[] = [mergeTransposes, mergeReshapes, transposeAsReshape, dropReshape];

export const layout = rewriting("layout", layoutRules);

/** Arithmetic on weights alone: what a model computes again and again is computed once. */
const folding: Pipeline = [deadCode, foldInput, foldNorms, passOf(foldScale)];

/**
 * What every target gains from, in order: -O0 is the zoo's graph, dead code apart; -O1 folds weights; -O2 also computes
 * less and moves less. Narrowing uncovers attention of few queries. A target adds its own passes: see the backends.
 */
export const presets = {
  O0: [deadCode],
  O1: folding,
  O2: [...folding, gates, narrow, scaleQueries, passOf(attendToInputs), layout],
} as const satisfies Record<string, Pipeline>;

export type OptimizationLevel = keyof typeof presets;
