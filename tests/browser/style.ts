import type { Locator } from "playwright-core";

/** What a browser computes, in CSS's spelling; colours are `rgb(R, G, B)`. */
export interface Style {
  readonly color: string;
  readonly backgroundColor: string;
  readonly borderTopColor: string;
  readonly outlineStyle: string;
}

export const styleOf = (element: Locator): Promise<Style> =>
  element.evaluate((e): Style => {
    const { color, backgroundColor, borderTopColor, outlineStyle } = e.ownerDocument.defaultView.getComputedStyle(e);
    return { color, backgroundColor, borderTopColor, outlineStyle };
  });

const transparent = "rgba(0, 0, 0, 0)";

/** The colour of the nearest ground that is not transparent. */
async function groundOf(element: Locator): Promise<string> {
  const { backgroundColor } = await styleOf(element);
  return backgroundColor === transparent ? groundOf(element.locator("xpath=..")) : backgroundColor;
}

/** WCAG's relative luminance of `rgb(R, G, B)`, or of a mixture, which a browser writes as `color(srgb r g b)`. */
function luminance(color: string): number {
  const whole = color.startsWith("color(") ? 1 : 255;
  const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const level = Number(part) / whole;
    return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** WCAG's contrast, 1 to 21, of an element's text and of its border with the ground that it stands on. */
export async function contrastOf(element: Locator): Promise<{ readonly text: number; readonly border: number }> {
  const [{ color, borderTopColor }, ground] = [await styleOf(element), await groundOf(element)];
  return { text: ratio(color, ground), border: ratio(borderTopColor, ground) };
}
