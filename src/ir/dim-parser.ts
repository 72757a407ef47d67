import { type Dim, addDim, floorDivDim, isSum, mulDim, printDim, scaleDim, symbol } from "./dim.ts";
import type { Scanner } from "./scanner.ts";

/**
 * Reads a dimension as `printDim` writes it:
 *
 *     sum     = ["-"] product {("+" | "-") product}
 *     product = factor {"*" factor}
 *     factor  = integer | symbol | "floor(" (product | "(" sum ")") "/" integer ")"
 *
 * A floor that a multiple leaves, such as floor((2*N+H)/2) = N+floor(H/2), is refused: products of sums would let a short
 * text stand for a very long dimension.
 */
export const parseDim = (scan: Scanner): Dim => sum(scan, { factors: 256 });

/** What a dimension may still hold; it also bounds the recursion. */
interface Budget {
  factors: number;
}

function sum(scan: Scanner, budget: Budget): Dim {
  const parts: Dim[] = [];
  let sign = scan.accept("-") ? -1 : 1;
  for (;;) {
    const at = scan.position;
    parts.push(scaleDim(product(scan, budget), sign));
    if (scan.accept("+")) sign = 1;
    else if (scan.accept("-")) sign = -1;
    else return scan.located(at, () => addDim(...parts));
  }
}

function product(scan: Scanner, budget: Budget): Dim {
  const at = scan.position;
  const factors = [factor(scan, budget)];
  while (scan.accept("*")) factors.push(factor(scan, budget));
  return scan.located(at, () => mulDim(...factors));
}

function factor(scan: Scanner, budget: Budget): Dim {
  if (budget.factors-- === 0) scan.fail("a dimension of at most 256 factors");
  const at = scan.position;
  const value = scan.take(/\d+/y);
  if (value !== undefined) return scan.located(at, () => addDim(Number(value)));
  const word = scan.take(/[A-Za-z_]\w*/y) ?? scan.fail("a dimension: an integer, a symbol or floor(...)");
  if (word !== "floor") return scan.located(at, () => symbol(word));
  scan.expect("(");
  const numerator = parenthesised(scan, budget) ?? product(scan, budget);
  scan.expect("/");
  const divisor = scan.take(/\d+/y) ?? scan.fail("an integer");
  scan.expect(")");
  const result = scan.located(at, () => floorDivDim(numerator, Number(divisor)));
  if (isSum(result)) scan.fail(`its normal form ${printDim(result)}`, at, scan.position);
  return result;
}

function parenthesised(scan: Scanner, budget: Budget): Dim | undefined {
  if (!scan.accept("(")) return undefined;
  const inner = sum(scan, budget);
  scan.expect(")");
  return inner;
}
