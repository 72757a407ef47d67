import { type Dim, isStatic } from "../ir/dim.ts";
import { TimmcError } from "../ir/error.ts";
import type { Family } from "./family.ts";
import type { Arg } from "./schema.ts";

type Arguments = Readonly<Record<string, unknown>>;
type InputDims = readonly [channels: Dim, height: Dim, width: Dim];
type Size = readonly [height: number, width: number];

/** What was lowered, and whether it can be with other arguments and another size. */
interface Attempt {
  readonly family: Family;
  readonly architecture: string;
  readonly given: Arguments;
  readonly inputSize: InputDims;
  /** The size that the architecture is designed for, where it is known. */
  readonly designSize: Size | undefined;
  lowers(given: Arguments, inputSize: InputDims): boolean;
}

/**
 * A failed lowering in words about the input's size. A refusal that says what to do stays as it is. Where it does not, or
 * where a value breaks the rule of an op, nearby sizes are tried and the first that lowers is the advice; where none
 * does, the size need not be at fault, and nothing says that it is. There is no size near a symbolic one.
 */
export function sizeRefusal(error: TimmcError, attempt: Attempt): TimmcError {
  const isBare = error.code === "unsupported" && error.hint === undefined;
  if (!isBare && error.code !== "invalid-ir") return error;
  const { trail, message, cause } = error;
  if (attempt.inputSize.some((d) => !isStatic(d)))
    return new TimmcError("unsupported", message, { trail, cause: error });
  const hint = advice(attempt);
  if (isBare) return hint === undefined ? error : new TimmcError("unsupported", message, { trail, hint, cause });
  const [, height, width] = attempt.inputSize;
  const detail = [...trail, message].join(": ");
  const refused = `does not take an input of ${String(height)}x${String(width)}`;
  return new TimmcError("unsupported", `${refused}${hint === undefined ? " with these arguments" : ""} (${detail})`, {
    hint: hint ?? "none of the sizes nearby compiles either: check the arguments",
    cause: error,
  });
}

/** A size, and the img_size that goes with it; without, the arguments stay as they are. */
interface Candidate {
  readonly size: Size;
  readonly imgSize?: unknown;
}

function advice({ family, architecture, given, inputSize, designSize, lowers }: Attempt): string | undefined {
  const [channels, height, width] = inputSize;
  if (typeof channels !== "number" || typeof height !== "number" || typeof width !== "number") return undefined;
  const built = sides(given["img_size"] ?? family.configure(architecture, {})["img_size"]);
  for (const { size, imgSize } of candidates(family, given, [height, width], { built, designed: designSize })) {
    const args = imgSize === undefined ? given : { ...given, img_size: imgSize };
    if (!lowers(args, [channels, ...size])) continue;
    const flag =
      imgSize === undefined ? [] : [`--arg img_size=${size[0] === size[1] ? size[0] : `[${size.join(",")}]`}`];
    const input = isSame(size, [height, width]) ? [] : [`--input-size ${[channels, ...size].join(",")}`];
    return `compile with ${[...input, ...flag].join(" ")}`;
  }
  return undefined;
}

/**
 * At most six: the input's own size as img_size where the network is built for another, multiples of 16, 32 and 64 that
 * are near, and the size of the design.
 */
function candidates(
  { args }: Family,
  given: Arguments,
  asked: Size,
  { built, designed = built }: { readonly built: Size | undefined; readonly designed: Size | undefined },
): Candidate[] {
  const isFixed = given["img_size"] !== undefined;
  const own = built === undefined || isSame(built, asked) ? undefined : imgSizeOf(args["img_size"], asked);
  const near = [multiple(asked, Math.round, 16), multiple(asked, Math.round, 32), multiple(asked, Math.ceil, 32)];
  const sizes = [...near, multiple(asked, Math.ceil, 64), ...(designed === undefined ? [] : [designed])];
  const others = sizes.filter((size, i) => !isSame(size, asked) && sizes.findIndex((s) => isSame(s, size)) === i);
  return [
    ...(own === undefined ? [] : [{ size: asked, imgSize: own }]),
    ...others.map((size) => (isFixed ? { size, imgSize: imgSizeOf(args["img_size"], size) } : { size })),
  ];
}

const multiple = ([h, w]: Size, round: (n: number) => number, unit: number): Size => [
  Math.max(1, round(h / unit)) * unit,
  Math.max(1, round(w / unit)) * unit,
];

/** img_size as the family reads it: a pair, or one side; undefined where no size is one, or nothing depends on it. */
function imgSizeOf(arg: Arg<unknown> | undefined, [h, w]: Size): unknown {
  if (arg === undefined || arg.inert) return undefined;
  return arg.read([h, w]) ?? (h === w ? arg.read(h) : undefined);
}

const isSame = (a: Size, b: Size): boolean => a[0] === b[0] && a[1] === b[1];

/** img_size as a configuration has it. */
function sides(size: unknown): Size | undefined {
  if (typeof size === "number") return [size, size];
  const [h, w]: readonly unknown[] = Array.isArray(size) ? size : [];
  return typeof h === "number" && typeof w === "number" ? [h, w] : undefined;
}
