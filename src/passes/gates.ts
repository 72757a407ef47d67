import { rewriting } from "./rewriting.ts";
import { factorGate } from "./rules/factor-gate.ts";
import { foldInputShift } from "./rules/fold-input-shift.ts";
import { foldShift } from "./rules/fold-shift.ts";
import { scaleGate } from "./rules/scale-gate.ts";

/**
 * Arithmetic around a gate moves to the gate, which is small, or into the linear map or convolution behind: one pass over
 * the map is left of four.
 */
export const gates = rewriting("gates", [scaleGate, factorGate, foldShift, foldInputShift]);
