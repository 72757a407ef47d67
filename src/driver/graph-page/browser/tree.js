// The module tree: a treegrid whose rows are made when they are first seen.

import { graphOf, heatOf } from "./app.js";
import { breakable, html } from "./dom.js";
import { contains } from "./model.js";
import { bytesText, quantityText } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */

/**
 * @param {HTMLElement} grid
 * @param {App} app
 * @param {() => void} onOpen after a module is opened by pointer
 */
export function mountTree(grid, app, onOpen) {
  const body = html("tbody");
  grid.append(body);
  /** @type {Set<ModuleNode>} */
  const open = new Set(app.page.modules.filter((m) => m.depth === 0));
  /** @type {Map<ModuleNode, HTMLTableRowElement>} */
  const rows = new Map();
  /** @type {WeakMap<Element, ModuleNode>} */
  const moduleOfRow = new WeakMap();
  /** @type {ModuleNode | undefined} */
  let focused = app.page.modules[0];

  const visible = () => {
    /** @type {ModuleNode[]} */
    const found = [];
    const visit = (/** @type {ModuleNode} */ module) => {
      found.push(module);
      if (open.has(module)) module.children.forEach(visit);
    };
    app.page.modules.slice(0, 1).forEach(visit);
    return found;
  };

  const shownGraph = () => graphOf(app.page, app.state().view === "after" ? "after" : "before");

  const rowOf = (/** @type {ModuleNode} */ module) => {
    const known = rows.get(module);
    if (known !== undefined) return known;
    const row = treeRow(module, app);
    fillCosts(row, module, shownGraph(), app.state().metric);
    rows.set(module, row);
    moduleOfRow.set(row, module);
    return row;
  };

  /** Puts the rows that are open in their order. */
  const render = () => {
    const modules = visible();
    for (const module of modules)
      if (module.children.length > 0) rowOf(module).setAttribute("aria-expanded", String(open.has(module)));
    body.replaceChildren(...modules.map(rowOf));
  };

  /** Which row Tab leads to. */
  const hold = (/** @type {ModuleNode | undefined} */ module) => {
    if (focused !== undefined) rowOf(focused).tabIndex = -1;
    focused = module;
    if (module !== undefined) rowOf(module).tabIndex = 0;
  };

  const setOpen = (/** @type {ModuleNode} */ module, /** @type {boolean} */ isOpen) => {
    if (module.children.length === 0) return;
    if (isOpen) open.add(module);
    else open.delete(module);
    if (!isOpen && focused !== module && contains(module, focused)) hold(module);
    render();
    rowOf(module).focus();
  };

  const focus = (/** @type {ModuleNode | undefined} */ module) => {
    if (module === undefined) return;
    hold(module);
    rowOf(module).focus();
  };

  const moduleOf = (/** @type {EventTarget | null} */ target) => {
    const row = target instanceof Element ? target.closest("tr") : null;
    return row === null ? undefined : moduleOfRow.get(row);
  };

  grid.addEventListener("click", (event) => {
    const module = moduleOf(event.target);
    if (module === undefined) return;
    const isTwisty = event.target instanceof Element && event.target.closest(".twisty") !== null;
    focus(module);
    if (isTwisty) return setOpen(module, !open.has(module));
    app.open(module);
    onOpen();
  });

  grid.addEventListener("keydown", (event) => {
    const module = moduleOf(event.target);
    if (module === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = visible();
    const at = all.indexOf(module);
    /** @type {Readonly<Record<string, () => void>>} */
    const keys = {
      ArrowDown: () => focus(all[at + 1]),
      ArrowUp: () => focus(all[at - 1]),
      ArrowRight: () => (open.has(module) ? focus(module.children[0]) : setOpen(module, true)),
      ArrowLeft: () => (open.has(module) ? setOpen(module, false) : focus(module.parent)),
      Home: () => focus(all[0]),
      End: () => focus(all.at(-1)),
      Enter: () => app.open(module),
      " ": () => app.open(module),
    };
    const action = keys[event.key];
    if (action === undefined) return typeAhead(event.key, all, at, focus);
    event.preventDefault();
    action();
  });

  app.listen(({ selection: { module }, metric, view }, before) => {
    if (before !== undefined && (metric !== before.metric || view !== before.view))
      for (const [each, row] of rows) fillCosts(row, each, shownGraph(), metric);
    const last = before?.selection.module;
    if (module === last) return;
    const known = open.size;
    for (let each = module.parent; each !== undefined; each = each.parent) open.add(each);
    if (before === undefined || open.size !== known) render();
    if (last !== undefined) rowOf(last).setAttribute("aria-selected", "false");
    rowOf(module).setAttribute("aria-selected", "true");
    hold(module);
    if (before !== undefined) rowOf(module).scrollIntoView({ block: "nearest" });
  });

  return {
    /** @param {boolean} all every module, or the first level alone */
    unfold: (all) => {
      open.clear();
      for (const module of app.page.modules) if (all || module.depth === 0) open.add(module);
      hold(app.page.modules[0]);
      render();
    },
  };
}

/**
 * @param {string} key
 * @param {readonly ModuleNode[]} all
 * @param {number} at
 * @param {(module: ModuleNode | undefined) => void} focus
 */
function typeAhead(key, all, at, focus) {
  if (key.length !== 1) return;
  const turned = [...all.slice(at + 1), ...all.slice(0, at)];
  focus(turned.find((m) => m.name.toLowerCase().startsWith(key.toLowerCase())));
}

/**
 * @param {ModuleNode} module
 * @param {App} app
 */
function treeRow(module, app) {
  const siblings = module.parent?.children ?? [module];
  const name = module.parent === undefined ? app.page.rootName : module.name;
  const twisty = html("span", { class: "twisty", "aria-hidden": "true" });
  const row = html(
    "tr",
    {
      role: "row",
      "aria-level": module.depth + 1,
      "aria-posinset": siblings.indexOf(module) + 1,
      "aria-setsize": siblings.length,
      "data-path": module.path,
      "aria-selected": "false",
      tabindex: -1,
      class: module.children.length > 0 ? "parent" : "leaf",
    },
    html("th", { role: "rowheader", scope: "row" }, twisty, html("span", { class: "name" }, ...breakable(name))),
    ...["shape", "n", "n heat", "n"].map((kind) => html("td", { role: "gridcell", class: kind })),
  );
  row.style.setProperty("--depth", String(module.depth));
  return row;
}

/**
 * @param {HTMLTableRowElement} row
 * @param {ModuleNode} module
 * @param {import("./model.js").GraphModel} graph
 * @param {import("./app.js").Metric} metric
 */
function fillCosts(row, module, graph, metric) {
  const facts = graph.facts[module.index];
  const result = facts?.result;
  const costs = { macs: facts?.macs ?? 0, params: facts?.params ?? 0, bytes: result?.bytes ?? -1 };
  const texts = [
    shapeOf(result?.type ?? ""),
    quantityText(costs.params),
    quantityText(costs.macs),
    result === undefined ? "" : bytesText(costs.bytes),
  ];
  [...row.cells].slice(1).forEach((cell, i) => {
    const text = texts[i] ?? "";
    if (cell.textContent !== text) cell.textContent = text;
    cell.classList.toggle("heat", i === { params: 1, macs: 2, bytes: 3 }[metric]);
  });
  row.classList.toggle("gone", (facts?.ops ?? 0) === 0);
  row.style.setProperty("--heat", Math.sqrt(heatOf(graph, metric, costs)).toFixed(3));
}

/** Without the type of its elements, and without the batch: 64 x 56 x 56. */
const shapeOf = (/** @type {string} */ type) => (/\[(.*)\]/.exec(type)?.[1] ?? "").split(",").slice(1).join("×");
