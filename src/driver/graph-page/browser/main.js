// Puts the page together.

import { createApp } from "./app.js";
import { mountChooser } from "./chooser.js";
import { mountDetails } from "./details.js";
import { button, byId, html } from "./dom.js";
import { mountKernels } from "./kernels-panel.js";
import { mountGraph } from "./graph-view.js";
import { decodePage } from "./model.js";
import { mountPasses } from "./passes-panel.js";
import { mountSearch } from "./search.js";
import { mountTabs } from "./tabs.js";
import { mountTree } from "./tree.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./app.js").State} State */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */

start();

function start() {
  const page = decodePage(JSON.parse(byId("data", HTMLScriptElement).textContent ?? ""));
  const [root] = page.modules;
  if (root === undefined) throw new TypeError("the page has no modules");
  const app = createApp(page, root, (text) => {
    byId("status", HTMLOutputElement).textContent = text;
  });
  const tabs = mountTabs(byId("tabs", HTMLDivElement));
  const chooser = mountChooser(byId("panel-taps", HTMLElement), app);
  const { kernels: report } = page.data;
  const kernels =
    report === null ? undefined : mountKernels(byId("panel-kernels", HTMLElement), report, app, tabs.show);
  mountDetails(byId("details", HTMLElement), app, {
    addTap: (module) => {
      chooser.addModule(module);
      tabs.show("taps");
    },
    kernelsOf: (module) => kernels?.linkOf(module),
  });
  mountPasses(byId("by-module", HTMLDivElement), app);
  const tree = mountTree(byId("tree", HTMLTableElement), app, () => tabs.leaveModules());
  mountToolbar(app);
  mountSearch(byId("search", HTMLInputElement), byId("found", HTMLUListElement), app);
  byId("unfold", HTMLButtonElement).addEventListener("click", () => tree.unfold(true));
  byId("fold", HTMLButtonElement).addEventListener("click", () => tree.unfold(false));
  mountAddress(app);
}

/**
 * The toolbar of the drawings: where one is, which graph, colour, zoom.
 *
 * @param {App} app
 */
function mountToolbar(app) {
  const cameras = /** @type {const} */ (["before", "after"]).map((side) => mountGraph(frameOf(side), side, app));
  const act = (/** @type {string} */ id, /** @type {(camera: typeof cameras[number]) => void} */ action) =>
    byId(id, HTMLButtonElement).addEventListener("click", () => cameras.forEach(action));
  act("zoom-in", (camera) => camera.zoom(1.25));
  act("zoom-out", (camera) => camera.zoom(0.8));
  act("fit", (camera) => camera.fit());
  const metric = byId("metric", HTMLSelectElement);
  metric.addEventListener("change", () => {
    const { value } = metric;
    if (value === "macs" || value === "params" || value === "bytes") app.set({ metric: value });
  });
  for (const view of document.querySelectorAll("input"))
    if (view.name === "view")
      view.addEventListener("change", () => {
        const { value } = view;
        if (value === "before" || value === "after" || value === "both") app.set({ view: value });
      });
  app.listen((state, before) => {
    byId("canvases", HTMLDivElement).dataset.view = state.view;
    for (const view of document.querySelectorAll("input"))
      if (view.name === "view") view.checked = view.value === state.view;
    if (state.level !== before?.level) breadcrumb(state.level, app);
  });
}

/** @param {"before" | "after"} side */
function frameOf(side) {
  const frame = document.getElementById(`canvas-${side}`);
  if (frame instanceof SVGSVGElement) return frame;
  throw new TypeError(`the page has no drawing ${side}`);
}

/**
 * @param {ModuleNode} level
 * @param {App} app
 */
function breadcrumb(level, app) {
  /** @type {ModuleNode[]} */
  const path = [];
  for (let each = /** @type {ModuleNode | undefined} */ (level); each !== undefined; each = each.parent)
    path.unshift(each);
  byId("crumbs", HTMLOListElement).replaceChildren(
    ...path.map((module) => {
      const name = module.parent === undefined ? app.page.rootName : module.name;
      return html(
        "li",
        {},
        module === level
          ? html("span", { "aria-current": "location" }, name)
          : button(name, () => app.open(module), { class: "link" }),
      );
    }),
  );
}

/**
 * The level is in the address, so that the browser's Back goes back and a place can be sent.
 *
 * @param {App} app
 */
function mountAddress(app) {
  const follow = () => {
    const path = pathIn(location.hash);
    const module = app.page.modules.find((m) => m.path === path);
    if (module !== undefined && module !== app.state().level) app.open(module);
  };
  follow();
  addEventListener("hashchange", follow);
  app.listen(({ level }, before) => {
    if (before === undefined || level === before.level) return;
    location.hash = encodeURIComponent(level.path);
    app.say(level.path === "" ? app.page.rootName : level.path);
  });
}

/**
 * The module path of an address; none where it cannot be read, as people write addresses, too.
 *
 * @param {string} hash
 */
function pathIn(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return undefined;
  }
}
