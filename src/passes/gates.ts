import { rewriting } from "./rule.ts";
import { factorGate } from "./rules/factor-gate.ts";
import { foldShift } from "./rules/fold-shift.ts";
import { scaleGate } from "./rules/scale-gate.ts";

/** Arithmetic around a gate moves to the gate, which is small, or into the projection behind: one pass over the map. */
export const gates = rewriting("gates", [scaleGate, factorGate, foldShift]);
