import { familyOf, listArchitectures, listFamilies } from "../../src/frontend/registry.ts";
import { resolve } from "../../src/frontend/resolve.ts";
import { lowerResolved } from "../../src/driver/lower-request.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { unsupportedReason } from "../../src/zoo/refused.ts";
import { loadFamily } from "../../src/zoo/registry.ts";
import type { Comparison } from "./compare.ts";

/** The smallest multiple that an architecture takes, or why it takes none. */
export async function multipleOf(architecture: string): Promise<number | string> {
  try {
    const { multiple = 1 } = lowerResolved(await resolve({ model: architecture }), { dynamicSize: true });
    return multiple;
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    return error.cause instanceof TimmcError ? error.cause.message : error.message;
  }
}

interface FamilySizes {
  readonly family: string;
  /** By multiple or reason: how many architectures. */
  readonly taken: ReadonlyMap<number, number>;
  readonly refused: ReadonlyMap<string, number>;
}

/** Every family that is defined, with what each of its architectures makes of a dynamic size. */
export async function sweep(): Promise<FamilySizes[]> {
  const families: FamilySizes[] = [];
  for (const family of listFamilies()) {
    const definition = await loadFamily(family);
    const taken = new Map<number, number>();
    const refused = new Map<string, number>();
    for (const architecture of listArchitectures().filter((a) => familyOf(a) === family)) {
      if (unsupportedReason(architecture, family, definition) !== null) continue;
      const found = await multipleOf(architecture);
      if (typeof found === "number") taken.set(found, (taken.get(found) ?? 0) + 1);
      else refused.set(found, (refused.get(found) ?? 0) + 1);
    }
    if (taken.size + refused.size > 0) families.push({ family, taken, refused });
  }
  return families;
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const sum = (counts: ReadonlyMap<unknown, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);

const multiplesText = (taken: ReadonlyMap<number, number>): string => {
  const sorted = [...taken].toSorted(([a], [b]) => a - b);
  return sorted.length === 1 ? String(sorted[0]?.[0]) : sorted.map(([m, n]) => `${m} (${n})`).join(", ");
};

/** The power of ten above an error: the digits before it are the machine's. */
const bound = (error: number): string => (error === 0 ? "0" : `< 1e${Math.floor(Math.log10(error)) + 1}`);

function comparisonRow({ architecture, multiple, results }: Comparison): string {
  const worst = Math.max(...results.filter((r) => !r.isRounding).map((r) => r.ofStd));
  const rounded = results.filter((r) => r.isRounding).map((r) => r.size.join("x"));
  return row([
    architecture,
    familyOf(architecture) ?? "",
    String(multiple),
    results.map((r) => r.size.join("x")).join(", "),
    bound(worst) + (rounded.length === 0 ? "" : `; ${rounded.join(", ")}: rounding decides, in the static compile too`),
  ]);
}

const intro = `# Dynamic sizes

\`--dynamic-size\` leaves height and width open. Written by \`npm run dynamic\`; what it says is checked by tests.

The multiple is the smallest of which both sides have to be multiples: 1 is every size, though a network may still end in a window
that a small map does not fill, which ONNX Runtime then refuses. Another is asked for with \`--dynamic-size 32\`; where it is a
multiple of the strides, fewer nodes compute paddings.`;

/** docs/dynamic-size.md. */
export function document(families: readonly FamilySizes[], comparisons: readonly Comparison[]): string {
  const taking = families.filter(({ taken }) => taken.size > 0);
  const refusing = families.filter(({ refused }) => refused.size > 0);
  const count = (of: (f: FamilySizes) => ReadonlyMap<unknown, number>): number =>
    families.reduce((n, f) => n + sum(of(f)), 0);
  return [
    intro,
    "",
    `${count((f) => f.taken)} architectures of ${taking.length} families take a dynamic size; ${count((f) => f.refused)} of ${refusing.length} are refused with their reason.`,
    "",
    "## Compared",
    "",
    "The dynamic artifact after all passes in onnxruntime-node against the static compile of each size, with the recipe's weights, logits",
    "and forward_features: the largest error of all sizes, as a fraction of the standard deviation of the output.",
    "",
    row(["architecture", "family", "multiple", "sizes", "error"]),
    row(["---", "---", "--:", "---", "---"]),
    ...comparisons.map(comparisonRow),
    "",
    "## Families",
    "",
    row(["family", "architectures", "multiple"]),
    row(["---", "--:", "---"]),
    ...taking.map(({ family, taken }) => row([family, String(sum(taken)), multiplesText(taken)])),
    "",
    "## Refused",
    "",
    "For these, `--sizes` makes one bundle of several static graphs over one weight file.",
    "",
    row(["family", "architectures", "reason"]),
    row(["---", "--:", "---"]),
    ...refusing.flatMap(({ family, refused }) => [...refused].map(([reason, n]) => row([family, String(n), reason]))),
    "",
  ].join("\n");
}
