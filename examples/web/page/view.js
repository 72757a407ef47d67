// What the page is made of. Nothing here knows of networks.

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {object} [properties] @param {...(Node | string)} children
 */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** @template {HTMLElement} T @param {string} id @param {new () => T} type @returns {T} */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`the page has no #${id}`);
}

/** @param {string} text @param {() => void} [again] what to do about it */
export function showProblem(text, again) {
  const place = byId("problem", HTMLDivElement);
  place.hidden = text === "";
  place.replaceChildren(text);
  if (again !== undefined) place.append(" ", element("button", { type: "button", onclick: again }, "Load again"));
}

/** @param {string} text @param {number} [done] how much of the weights is there, 0 to 1 */
export function showStatus(text, done) {
  const progress = byId("progress", HTMLProgressElement);
  Object.assign(progress, { hidden: done === undefined, value: done ?? 0 });
  byId("status", HTMLParagraphElement).textContent = text;
}
