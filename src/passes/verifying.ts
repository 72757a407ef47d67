import { verify } from "../ir/verifier.ts";
import type { Observer } from "./pass.ts";

/**
 * Checks every invariant of the graph after each pass; an error names the pass. An observer rather than part of every
 * run, because it infers all types again: tens of milliseconds a pass for a model of a thousand values.
 */
export const verifying: Observer = { after: (_, graph) => verify(graph) };
