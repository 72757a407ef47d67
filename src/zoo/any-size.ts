import { isStatic } from "../ir/dim.ts";
import type { Value } from "../ir/value.ts";
import type { Schema } from "./schema.ts";

/** The arguments by which timm's networks take every size, where they have them. */
const anySize = { dynamic_img_size: true, strict_img_size: false } as const;

/** Whether the height or the width of an image [N, C, H, W] is symbolic. */
export const isSizeSymbolic = (image: Value): boolean => image.type.shape.slice(1).some((d) => !isStatic(d));

/** Those of them that a schema has. */
export const anySizeArgs = (schema: Schema): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(anySize).filter(([name]) => Object.hasOwn(schema, name)));

/** The arguments that a symbolic size implies for a network with this schema; the user's own come after them. */
export const impliedArgs = (schema: Schema, image: Value): Readonly<Record<string, unknown>> =>
  isSizeSymbolic(image) ? anySizeArgs(schema) : {};
