import { parseReference } from "../frontend/reference.ts";
import { type ResolvedModel, locate, resolveLocated } from "../frontend/resolve.ts";
import { TimmcError } from "../ir/error.ts";
import type { Layout } from "./layout/layout.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest } from "./lower-request.ts";
import type { Many } from "./many.ts";
import { type Size, type SizedRequest, imgSizeOf, placeOf } from "./sizes.ts";

/** A network at one of the sizes of an artifact, or at its only one. */
export interface SizedLowering<R extends LowerRequest = LowerRequest> {
  /** What was lowered: the request with the size in it. */
  readonly request: R;
  readonly lowering: LoweredRequest;
  /** Which of several it is, for the trail of errors. */
  readonly place: string | undefined;
}

/**
 * Lowers a request once, or once for each of its sizes, as a user would who asks for that size alone. Throws TimmcError,
 * with the size in its trail.
 */
export async function lowerSizes<R extends SizedRequest>(asked: R, layout?: Layout): Promise<Many<SizedLowering<R>>> {
  const { sizes } = asked;
  if (sizes === undefined) return [{ request: asked, lowering: await lowerRequest(asked, layout), place: undefined }];
  const named = await locate(parseReference(asked.model), asked);
  const resolved = await resolveLocated(asked, named);
  const lowered: SizedLowering<R>[] = [];
  for (const size of sizes) {
    const request = requestAt(asked, resolved, size);
    const place = placeOf(size);
    lowered.push({ request, place, lowering: await inPlace(place, () => lowerRequest(request, layout, named)) });
  }
  const [first, ...others] = lowered;
  if (first === undefined) throw new TimmcError("usage", "--sizes names no size");
  return [first, ...others];
}

/** The same as `within`, of what takes time. */
async function inPlace<T>(place: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof TimmcError ? advising(error).within(place) : error;
  }
}

/** Sizes that are advised are other sizes to name; each has its own arguments by itself. */
function advising({ code, message, trail, hint, cause }: TimmcError): TimmcError {
  const [, height, width] = /^compile with --input-size \d+,(\d+),(\d+)/.exec(hint ?? "") ?? [];
  const advice = height === undefined ? hint : `name ${height}x${width} in its place`;
  return new TimmcError(code, message, { trail, hint: advice, cause });
}

/** The request of one size. A network that is built for its size is told it, unless the user made it take every size. */
function requestAt<R extends LowerRequest>(
  request: R,
  { family, cfg, args, inputSize: [channels] }: ResolvedModel,
  [height, width]: Size,
): R {
  const takesSize = Object.hasOwn(family.args, "img_size") && family.args["img_size"]?.ignored !== true;
  const isFree = args["dynamic_img_size"] === true || args["strict_img_size"] === false;
  const built = takesSize && cfg.fixed_input_size && !isFree;
  const sized = built ? { args: { ...request.args, img_size: imgSizeOf([height, width]) } } : {};
  return { ...request, ...sized, inputSize: [channels, height, width] };
}
