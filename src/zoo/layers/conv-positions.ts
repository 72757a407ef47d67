import type { Dim } from "../../ir/dim.ts";
import type { Module } from "../scope.ts";
import { depthwise } from "./conv.ts";
import { toMap, toTokens } from "./patch-embed.ts";

/**
 * Tokens [N, H W, C] plus a depthwise 3x3 convolution `proj` of their map, which tells them their positions (Chu et al.
 * 2021, CPVT). `inSequence`: the convolution is the child 0 of `proj`.
 */
export const convPositions =
  (grid: readonly [Dim, Dim], inSequence = false): Module =>
  (s, x) => {
    const map = toMap(s, x, grid);
    const conv = depthwise({ kernel: 3, bias: true });
    const proj: Module = inSequence ? (t, y) => t.sequence(y, [conv]) : conv;
    return toTokens(s, s.add(s.call("proj", proj, map), map));
  };
