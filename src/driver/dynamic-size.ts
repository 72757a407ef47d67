import { type Dim, scaleDim, symbol } from "../ir/dim.ts";
import { TimmcError } from "../ir/error.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { anySizeArgs } from "../zoo/any-size.ts";

/** What of an image's height and width stays open: every multiple of a number; `true` for the smallest that the network takes. */
export type DynamicSize = number | true;

/** What is tried for `true`, in order: patches, strides, and windows of 7 at strides. */
const multiples = [1, 2, 4, 7, 8, 10, 12, 14, 16, 28, 32, 48, 56, 64, 112, 128, 192, 224, 256, 320, 384, 512] as const;

/** The symbols of an image's sides: their number is the side's over the multiple. */
const sides = ["H", "W"] as const;

/** Height and width as multiples of a number. */
const openSides = (multiple: number): readonly [Dim, Dim] => [
  scaleDim(symbol(sides[0]), multiple),
  scaleDim(symbol(sides[1]), multiple),
];

/** The values of the symbols at a size. */
export const sizeSymbols = (
  multiple: number,
  [height, width]: readonly [number, number],
): Readonly<Record<string, number>> => ({ [sides[0]]: height / multiple, [sides[1]]: width / multiple });

/** The model with timm's arguments for every size, where its family has them; the user's own stay. */
export const withAnySize = (resolved: ResolvedModel): ResolvedModel => ({
  ...resolved,
  args: { ...anySizeArgs(resolved.family.args), ...resolved.args },
});

/**
 * Lowers at the multiple that was asked for, or at the smallest one. `lower` throws TimmcError for a multiple that the network
 * does not take; where none is, the largest one's reason is the refusal.
 */
export function atMultiple<T>(
  asked: DynamicSize,
  lower: (sides: readonly [Dim, Dim]) => T,
): { readonly multiple: number; readonly lowered: T } {
  let last: TimmcError | undefined;
  for (const multiple of asked === true ? multiples : [asked]) {
    const lowered = attempt(() => lower(openSides(multiple)));
    if (!(lowered instanceof TimmcError)) return { multiple, lowered: lowered.value };
    last = lowered;
  }
  throw refusal(last, asked, (multiple) => !(attempt(() => lower(openSides(multiple))) instanceof TimmcError));
}

function attempt<T>(body: () => T): { readonly value: T } | TimmcError {
  try {
    return { value: body() };
  } catch (error) {
    if (error instanceof TimmcError && error.code !== "usage") return error;
    throw error;
  }
}

/** Why there is no dynamic size, and what to do: another multiple where one is taken, else fixed sizes. */
function refusal(error: TimmcError | undefined, asked: DynamicSize, takes: (multiple: number) => boolean): TimmcError {
  const other = asked === true ? undefined : multiples.find((m) => m !== asked && m % asked === 0 && takes(m));
  const hint =
    other === undefined
      ? "Compile for a fixed size, or for several over one weight file with --sizes."
      : `Use --dynamic-size ${other}.`;
  const every = asked === true ? "every size" : `every multiple of ${asked}`;
  const reason = error === undefined ? "" : `: ${error.message}`;
  return new TimmcError("unsupported", `the network does not take ${every}${reason}`, {
    trail: error?.trail ?? [],
    hint,
    cause: error,
  });
}

/** Refuses a multiple that the size of costs, tests and pictures is none of. */
export function requireWhole(multiple: number, [channels, height, width]: readonly [number, number, number]): void {
  if (height % multiple === 0 && width % multiple === 0) return;
  const near = (side: number): number => Math.max(1, Math.round(side / multiple)) * multiple;
  throw new TimmcError(
    "usage",
    `${height}x${width}, the size that pictures are prepared to, is no multiple of ${multiple}`,
    { hint: `Give another: --input-size ${[channels, near(height), near(width)].join(",")}.` },
  );
}

/** What the user should know of a dynamic size. */
export const dynamicNotice = (multiple: number, [, height, width]: readonly [number, number, number]): string =>
  `height and width are open${multiple === 1 ? "" : `, in multiples of ${multiple}`}; costs are of ${height}x${width}, the size that pictures are prepared to`;
