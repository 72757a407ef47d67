import { rewriting } from "./rule.ts";
import { foldInputScalePastShift } from "./rules/fold-input-scale-past-shift.ts";
import { foldInputScale } from "./rules/fold-input-scale.ts";
import { foldInputShift } from "./rules/fold-input-shift.ts";

/**
 * Per-channel affine maps in front of convolutions, such as the normalisation of pictures: one pass, since each rule
 * uncovers what the next one folds. A shift that folds away leaves the scale before it in reach.
 */
export const foldInput = rewriting("fold-input", [foldInputScale, foldInputShift, foldInputScalePastShift]);
