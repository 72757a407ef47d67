// What the passes made of the module that is open, child by child.

import { appliedRules } from "./details.js";
import { button, html, tableOf } from "./dom.js";
import { changeText, quantityText } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */

const columns = [
  { title: "Module" },
  { title: "Operations", numeric: true },
  { title: "MACs", numeric: true },
  {
    title: "Rules applied to its operations",
    hint: "How often each was applied here; without a number, a pass over the whole graph",
  },
];

/**
 * @param {HTMLElement} place
 * @param {App} app
 */
export function mountPasses(place, app) {
  app.listen(({ level }, before) => {
    if (level === before?.level) return;
    const rows = [level, ...level.children].map((module) => rowOf(module, level, app));
    const name = level.parent === undefined ? "the network" : level.path;
    place.replaceChildren(
      html(
        "p",
        { class: "where" },
        `In ${name}, and in each of its children: operations and MACs before and after `,
        level.parent === undefined ? undefined : upButton(level.parent, app),
      ),
      html(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": `Passes in ${name}` },
        tableOf(columns, rows),
      ),
    );
  });
}

/**
 * @param {ModuleNode} parent
 * @param {App} app
 */
const upButton = (parent, app) =>
  button(`Up to ${parent.path === "" ? "the network" : parent.path}`, () => app.open(parent));

/**
 * @param {ModuleNode} module
 * @param {ModuleNode} level
 * @param {App} app
 */
function rowOf(module, level, app) {
  const was = app.page.before.facts[module.index];
  const is = app.page.after.facts[module.index];
  const name =
    module === level ? html("span", {}, "all of it") : button(module.name, () => app.open(module), { class: "link" });
  return [
    name,
    changeText(was?.ops ?? 0, is?.ops ?? 0, String),
    changeText(was?.macs ?? 0, is?.macs ?? 0, quantityText),
    appliedRules(is?.rules ?? new Map()),
  ];
}
