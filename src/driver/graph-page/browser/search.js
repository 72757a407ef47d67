// Modules, operations and parameters by their names: a combobox over all of them.

import { html } from "./dom.js";
import { countText } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {{ readonly kind: string, readonly text: string, readonly go: () => void }} Found */

const mostResults = 50;

/**
 * @param {HTMLInputElement} input
 * @param {HTMLElement} list
 * @param {App} app
 */
export function mountSearch(input, list, app) {
  const all = entries(app);
  /** @type {readonly Found[]} */
  let found = [];
  let active = -1;

  const show = (/** @type {boolean} */ isOpen) => {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) input.removeAttribute("aria-activedescendant");
  };
  const mark = (/** @type {number} */ next) => {
    active = next;
    [...list.children].forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === active));
      if (i === active) option.scrollIntoView({ block: "nearest" });
    });
    if (active >= 0) input.setAttribute("aria-activedescendant", `found-${active}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const choose = (/** @type {Found | undefined} */ entry) => {
    if (entry === undefined) return;
    entry.go();
    show(false);
    app.say(`${entry.kind} ${entry.text}`);
  };
  const search = () => {
    const words = input.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const hits =
      words.length === 0
        ? []
        : all.filter(({ kind, text }) => words.every((word) => `${kind} ${text}`.toLowerCase().includes(word)));
    found = ranked(hits, words).slice(0, mostResults);
    list.replaceChildren(
      ...found.map(({ kind, text }, i) =>
        html(
          "li",
          { role: "option", id: `found-${i}`, "aria-selected": "false" },
          html("span", { class: "kind" }, kind),
          " ",
          html("span", {}, text),
        ),
      ),
    );
    active = -1;
    show(found.length > 0);
    if (words.length > 0)
      app.say(
        hits.length > mostResults
          ? `${hits.length} found, the first ${mostResults} shown`
          : `${countText(hits.length, "result")}`,
      );
  };

  input.addEventListener("input", search);
  input.addEventListener("focus", () => show(found.length > 0));
  input.addEventListener("blur", () => show(false));
  // The list goes when the field loses the focus, so a click must not take it.
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target instanceof Element ? event.target.closest("li") : null;
    choose(found[[...list.children].indexOf(option ?? list)]);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") show(false);
    if (event.key === "Enter") choose(found[Math.max(0, active)]);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || found.length === 0) return;
    event.preventDefault();
    show(true);
    mark((active + step + found.length) % found.length);
  });
}

/**
 * Names that are the word first, then those that end in it, then the shorter.
 *
 * @param {readonly Found[]} hits
 * @param {readonly string[]} words
 */
function ranked(hits, words) {
  const [word = ""] = words;
  const rank = (/** @type {Found} */ { text }) => (text === word ? 0 : text.endsWith(word) ? 1 : 2);
  const kinds = ["module", "parameter"];
  const order = (/** @type {Found} */ { kind }) => (kinds.includes(kind) ? kinds.indexOf(kind) : kinds.length);
  return hits.toSorted((a, b) => rank(a) - rank(b) || order(a) - order(b) || a.text.length - b.text.length);
}

/**
 * @param {App} app
 * @returns {Found[]}
 */
function entries(app) {
  const { modules, before } = app.page;
  const byModule = modules
    .slice(1)
    .map((module) => ({ kind: "module", text: module.path, go: () => app.open(module) }));
  const byValue = before.values.flatMap((value) => {
    if (value.runs) return [{ kind: value.op, text: value.name, go: () => app.show(value, "before") }];
    if (value.op !== "param") return [];
    return [{ kind: "parameter", text: value.name, go: () => app.show(readerOf(value) ?? value, "before") }];
  });
  return [...byModule, ...byValue];
}

/**
 * The operation that runs and reads a parameter, through what is computed of it.
 *
 * @param {import("./model.js").ValueNode} parameter
 */
function readerOf(parameter) {
  const users = new Set(parameter.users);
  for (const user of users) {
    if (user.runs) return user;
    for (const next of user.users) users.add(next);
  }
  return undefined;
}
