import { type Dim, isStatic, symbolsOf } from "../ir/dim.ts";
import type { Manifest } from "./manifest.ts";

/** Of what a dimension of a manifest's input is a multiple: `32*H` is one of 32, `N` of 1. */
const multipleIn = (dim: string): number => Number(/^([1-9]\d{0,8})\*/.exec(dim)?.[1] ?? 1);

/** Whether an input may have this shape: the numbers of the manifest's, and of each symbol a whole number of at least 1. */
export const fitsShape = ({ shape }: Manifest["input"], given: readonly number[]): boolean =>
  given.length === shape.length &&
  shape.every((dim, axis) => {
    const extent = given[axis] ?? 0;
    return typeof dim === "number" ? extent === dim : extent >= 1 && extent % multipleIn(dim) === 0;
  });

/** The values of the symbols of a graph's input, of which each is an extent or a whole part of one. */
export const symbolsIn = (dims: readonly Dim[], shape: readonly number[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    dims.flatMap((dim, axis) => {
      const extent = shape[axis] ?? 1;
      if (isStatic(dim)) return [];
      return [...symbolsOf(dim)].map((name) => [name, extent / (dim.terms[0]?.coefficient ?? 1)] as const);
    }),
  );
