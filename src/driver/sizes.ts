import { TimmcError } from "../ir/error.ts";
import type { Layout } from "./layout/layout.ts";
import type { LowerRequest } from "./lower-request.ts";

/** Of a picture. */
export type Size = readonly [height: number, width: number];

/** The sizes that an artifact is made for. */
export interface SizesRequest {
  /** A graph for each over one weight file; the first is what a reader takes that asks for none. */
  readonly sizes?: readonly Size[] | undefined;
}

/** Graphs that one artifact may have: each is lowered and optimised on its own. */
export const maxSizes = 64;

/** `256x320`, height first. */
export const sizeName = ([height, width]: Size): string => `${height}x${width}`;

/** `256x320`, or one side of a square; undefined for other texts. */
export function parseSize(text: string): Size | undefined {
  const [, height = "", width = height] = /^([1-9]\d{0,8})(?:x([1-9]\d{0,8}))?$/.exec(text) ?? [];
  return height === "" ? undefined : [Number(height), Number(width)];
}

export type SizedRequest = LowerRequest & SizesRequest & { readonly layout?: Layout | undefined };

/** Throws `usage` for sizes that are none, or beside something else that says the size. */
export function requireSizes(request: SizedRequest): void {
  const { sizes, inputSize, useTestSize, dynamicSize, args, layout = "plain" } = request;
  if (sizes === undefined) return;
  const refuse = (what: string, hint: string): never => {
    throw new TimmcError("usage", what, { hint });
  };
  if (sizes.length === 0 || sizes.length > maxSizes)
    refuse(`--sizes names ${sizes.length} sizes`, `An artifact has 1 to ${maxSizes}.`);
  const names = sizes.map(sizeName);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) refuse(`--sizes names ${twice} twice`, "Name each size once.");
  const others = [
    ["--input-size", inputSize !== undefined],
    ["--use-test-size", useTestSize === true],
    ["--dynamic-size", dynamicSize !== undefined],
    ["--arg img_size", args?.["img_size"] !== undefined && args["img_size"] !== null],
    [`--layout ${layout}`, layout !== "plain"],
  ] as const;
  for (const [option, isGiven] of others)
    if (isGiven) refuse(`--sizes does not go with ${option}`, "Leave one of the two out.");
}

/** Which of several sizes something is of, in the trail of an error. */
export const placeOf = (size: Size): string => `size ${sizeName(size)}`;

/** As timm takes it: some networks take no pair. */
export const imgSizeOf = ([height, width]: Size): number | Size => (height === width ? height : [height, width]);
