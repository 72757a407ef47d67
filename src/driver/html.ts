/** Text as HTML shows it, in an element or between double quotes. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");

/** ` name="value"` */
export const attribute = (name: string, value: string): string => ` ${name}="${escapeHtml(value)}"`;

/** An element with text in it. */
export const tag = (name: string, text: string): string => `<${name}>${escapeHtml(text)}</${name}>`;
