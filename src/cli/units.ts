/** Numbers are printed as the pages of `inspect --html` print them. */
export { bytesText as byteQuantity, quantityText as quantity } from "../driver/graph-page/browser/units.js";

/** `[N,3,224,224]` */
export const shapeText = (shape: readonly (number | string | null)[]): string =>
  `[${shape.map((d) => d ?? "N").join(",")}]`;
