// Elements in one expression.

/** @typedef {Node | string | undefined} Child */

/**
 * An element with attributes; true is an empty attribute, false and undefined are none.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Readonly<Record<string, string | number | boolean | undefined>>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function html(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children.filter((c) => c !== undefined));
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Readonly<Record<string, string | number | boolean | undefined>>} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(element, attributes);
  element.append(...children.filter((c) => c !== undefined));
  return element;
}

/**
 * @param {Element} element
 * @param {Readonly<Record<string, string | number | boolean | undefined>>} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * A button that does something; it looks like a link where it leads to another place of the page.
 *
 * @param {string} text
 * @param {() => void} action
 * @param {Readonly<Record<string, string | number | boolean | undefined>>} [attributes]
 */
export function button(text, action, attributes = {}) {
  const element = html("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", action);
  return element;
}

/**
 * A name that may be broken where its pieces end.
 *
 * @param {string} name
 * @returns {Child[]}
 */
export const breakable = (name) =>
  name.split(/(?<=_)/).flatMap((piece, i) => (i === 0 ? [piece] : [document.createElement("wbr"), piece]));

/**
 * An element that the page has.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new TypeError(`the page has no #${id}`);
}

/**
 * A table: titles, which of them are numbers, and rows of cells whose first is the row's head.
 *
 * @param {readonly { readonly title: string, readonly numeric?: boolean, readonly hint?: string }[]} columns
 * @param {readonly (readonly Child[])[]} rows
 */
export function tableOf(columns, rows) {
  const kind = (/** @type {number} */ i) => (columns[i]?.numeric === true ? "n" : undefined);
  return html(
    "table",
    {},
    html(
      "thead",
      {},
      html(
        "tr",
        {},
        ...columns.map(({ title, hint }, i) => html("th", { scope: "col", class: kind(i), title: hint }, title)),
      ),
    ),
    html(
      "tbody",
      {},
      ...rows.map((cells) =>
        html(
          "tr",
          {},
          ...cells.map((cell, i) =>
            i === 0 ? html("th", { scope: "row", class: kind(i) }, cell) : html("td", { class: kind(i) }, cell),
          ),
        ),
      ),
    ),
  );
}
