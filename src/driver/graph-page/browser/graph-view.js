// One level of one graph as a drawing: boxes to open, nodes to select, edges that follow the data.

import { absenceText } from "./absence.js";
import { graphOf, heatOf } from "./app.js";
import { html, svg } from "./dom.js";
import { levelOf } from "./levels.js";
import { readBy } from "./model.js";
import { mountPanZoom } from "./pan-zoom.js";
import { bytesText, countText, quantityText, shareText } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./app.js").Side} Side */
/** @typedef {import("./levels.js").Item} Item */
/** @typedef {import("./model.js").LayoutData} LayoutData */
/** @typedef {{ readonly x: number, readonly y: number, readonly width: number, readonly height: number }} Box */
/** @typedef {{ readonly item: Item, readonly box: Box, readonly element: SVGGElement }} Drawn */

/**
 * @param {SVGSVGElement} frame
 * @param {Side} side
 * @param {App} app
 */
export function mountGraph(frame, side, app) {
  const graph = graphOf(app.page, side);
  const drawing = svg("g");
  const nothing = html("p", { class: "nothing" });
  frame.append(arrowHead(side), drawing);
  frame.after(nothing);
  const camera = mountPanZoom(frame, drawing);
  /** @type {readonly Drawn[]} */
  let drawn = [];
  /** @type {Drawn | undefined} */
  let focused;

  const shown = () => app.state().view === side || app.state().view === "both";

  const select = (/** @type {Drawn} */ { item }) =>
    app.set({
      selection: {
        side,
        module: item.module ?? app.state().level,
        value: item.module === undefined ? item.value : undefined,
      },
    });

  const focus = (/** @type {Drawn | undefined} */ next) => {
    if (next === undefined) return;
    focused = next;
    for (const each of drawn) each.element.setAttribute("tabindex", each === next ? "0" : "-1");
    camera.reveal(next.box);
    next.element.focus({ preventScroll: true });
    select(next);
  };

  const enter = (/** @type {Drawn} */ { item }) => {
    if (item.module !== undefined) app.open(item.module, side);
    else if (item.kind === "input" || item.kind === "output") app.show(item.value, side);
    else return;
    (focused ?? drawn[0])?.element.focus({ preventScroll: true });
  };

  const leave = () => {
    const { level } = app.state();
    if (level.parent === undefined) return;
    app.set({ level: level.parent, selection: { side, module: level, value: undefined } });
    focused?.element.focus({ preventScroll: true });
  };

  const mark = () => {
    const { selection } = app.state();
    let selected = drawn.find(({ item }) =>
      selection.value === undefined
        ? item.module === selection.module
        : item.value === selection.value && item.kind === "op",
    );
    selected ??= selection.value === undefined ? undefined : drawn.find(({ item }) => item.value === selection.value);
    if (selection.side !== side && selection.value !== undefined) selected = undefined;
    for (const each of drawn) each.element.setAttribute("aria-selected", String(each === selected));
    if (selected === undefined) return;
    if (focused !== selected) camera.reveal(selected.box);
    focused = selected;
    for (const each of drawn) each.element.setAttribute("tabindex", each === selected ? "0" : "-1");
  };

  const tint = () => {
    const { metric } = app.state();
    for (const { item, element } of drawn) {
      const heat = item.kind === "input" || item.kind === "output" ? 0 : heatOf(graph, metric, costsOf(item, graph));
      element.style.setProperty("--heat", Math.sqrt(heat).toFixed(3));
    }
  };

  /** Whether nothing of a module of the network is left by the passes. */
  const isGone = (/** @type {Item} */ { module }) =>
    module !== undefined && app.page.after.facts[module.index]?.ops === 0;

  const draw = () => {
    const { level: module } = app.state();
    const layout = layoutAt(app, side);
    focused = undefined;
    frame.setAttribute(
      "aria-label",
      `${side === "before" ? "Before" : "After"} the passes: ${module.path === "" ? "the network" : module.path}`,
    );
    nothing.textContent = layout === undefined ? absenceText(app.page, module, side) : "";
    if (layout === undefined) {
      drawn = [];
      return drawing.replaceChildren();
    }
    const { items } = levelOf(graph, module);
    drawn = items.map((item, i) => drawItem(item, boxOf(layout, i), graph, isGone(item)));
    drawn.forEach(({ element }, i) => element.setAttribute("tabindex", i === 0 ? "0" : "-1"));
    drawing.replaceChildren(...layout.edges.map((edge) => drawEdge(edge, side)), ...drawn.map((d) => d.element));
    camera.reset(layout);
  };

  const drawnAt = (/** @type {EventTarget | null} */ target) => {
    const element = target instanceof Element ? target.closest("[role=option]") : null;
    return drawn.find((d) => d.element === element);
  };

  /** Whether this series of clicks, such as a double click, has opened something: its rest is not for what lies there now. */
  let isSpent = false;
  frame.addEventListener("click", (event) => {
    if (event.detail <= 1) isSpent = false;
    const hit = drawnAt(event.target);
    if (isSpent || hit === undefined || camera.wasDragged()) return;
    isSpent = hit.element.getAttribute("aria-selected") === "true" && hit.item.kind !== "op";
    focus(hit);
    if (isSpent) enter(hit);
  });
  frame.addEventListener("keydown", (event) => {
    const at = drawnAt(event.target);
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    /** @type {Readonly<Record<string, () => void>>} */
    const keys = {
      ArrowDown: () => focus(ahead(drawn, at, (dx, dy) => [dy, Math.abs(dx)])),
      ArrowUp: () => focus(ahead(drawn, at, (dx, dy) => [-dy, Math.abs(dx)])),
      ArrowRight: () => focus(ahead(drawn, at, (dx, dy) => [dx, Math.abs(dy)])),
      ArrowLeft: () => focus(ahead(drawn, at, (dx, dy) => [-dx, Math.abs(dy)])),
      Home: () => focus(drawn[0]),
      End: () => focus(drawn.at(-1)),
      Enter: () => at !== undefined && enter(at),
      " ": () => at !== undefined && enter(at),
      Escape: leave,
      Backspace: leave,
      "+": () => camera.zoom(1.25),
      "-": () => camera.zoom(0.8),
      0: () => camera.fit(),
    };
    const action = keys[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });

  app.listen((state, before) => {
    if (!shown()) return;
    const redraw = before === undefined || state.level !== before.level || state.view !== before.view;
    if (redraw) draw();
    if (redraw || state.metric !== before.metric) tint();
    mark();
  });
  // A frame has its size when it is first seen, and when the window or the layout changes.
  new ResizeObserver(() => {
    const layout = layoutAt(app, side);
    if (shown() && layout !== undefined) camera.reset(layout);
  }).observe(frame);
  return camera;
}

/**
 * The layout of the level that is drawn.
 *
 * @param {App} app
 * @param {Side} side
 */
const layoutAt = ({ page: { data }, state }, side) => data.layouts[data[side].layout[state().level.index] ?? -1];

/**
 * @param {LayoutData} layout
 * @param {number} i
 * @returns {Box}
 */
function boxOf({ items }, i) {
  const [x = 0, y = 0, width = 0, height = 0] = items[i] ?? [];
  return { x, y, width, height };
}

/**
 * @param {Item} item
 * @param {import("./model.js").GraphModel} graph
 */
function costsOf({ module, value }, graph) {
  const facts = module === undefined ? undefined : graph.facts[module.index];
  const params = facts?.params ?? readBy(value).reduce((sum, p) => sum + p.params, 0);
  return { macs: facts?.macs ?? value.macs, params, bytes: value.bytes };
}

/**
 * @param {Item} item
 * @param {Box} box
 * @param {import("./model.js").GraphModel} graph
 * @param {boolean} gone
 * @returns {Drawn}
 */
function drawItem(item, box, graph, gone) {
  const { x, y, width, height } = box;
  const isPort = item.kind === "input" || item.kind === "output";
  const words = gone ? `${spoken(item, graph)}; nothing of it is left after the passes` : spoken(item, graph);
  const element = svg(
    "g",
    {
      class: `item ${item.kind}${gone ? " gone" : ""}`,
      role: "option",
      "aria-label": words,
      transform: `translate(${x} ${y})`,
    },
    svg("title", {}, words),
    item.kind === "module" ? svg("rect", { class: "under", x: 3, y: 3, width, height, rx: 6 }) : undefined,
    svg("rect", { class: "box", width, height, rx: isPort ? height / 2 : 6 }),
    isPort ? undefined : svg("rect", { class: "cost", x: 5, y: height - 6, width: width - 10, height: 3 }),
    svg("text", { class: "title", x: width / 2, y: 18, "text-anchor": "middle" }, item.title),
    ...item.lines.map((line, i) =>
      svg("text", { class: "line", x: width / 2, y: 34 + 15 * i, "text-anchor": "middle" }, line),
    ),
  );
  return { item, box, element };
}

/**
 * What a screen reader says of an item.
 *
 * @param {Item} item
 * @param {import("./model.js").GraphModel} graph
 */
function spoken(item, graph) {
  const { kind, value, module, title } = item;
  if (kind === "input") return `Input ${title}, ${value.type}`;
  if (kind === "output") return `Output ${title}, ${value.type}`;
  const { macs, params, bytes } = costsOf(item, graph);
  const cost = `${quantityText(macs)} MACs, ${shareText(macs, graph.facts[0]?.macs ?? 0)} of the network, ${quantityText(params)} parameters, output ${bytesText(bytes)}`;
  const facts = module === undefined ? undefined : graph.facts[module.index];
  const rules = facts === undefined ? value.rules : [...facts.rules.keys()];
  const made = rules.length === 0 ? "" : `, made by ${rules.join(", ")}`;
  if (facts === undefined) return `${title}, ${value.type}, ${cost}${made}`;
  return `Module ${title}, ${countText(facts.ops, "operation")}, ${value.type}, ${cost}${made}; Enter opens it`;
}

/**
 * @param {readonly number[]} edge
 * @param {Side} side
 */
function drawEdge([, , ...corners], side) {
  const points = corners.reduce((text, n, i) => text + (i % 2 === 0 ? (i === 0 ? "M" : "L") : " ") + n, "");
  return svg("path", { class: "edge", "aria-hidden": "true", d: points, "marker-end": `url(#arrow-${side})` });
}

/** @param {Side} side */
const arrowHead = (side) =>
  svg(
    "defs",
    {},
    svg(
      "marker",
      { id: `arrow-${side}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
      svg("path", { d: "M0 0.5 L8 4 L0 7.5 z", class: "head" }),
    ),
  );

/**
 * The item that an arrow key leads to: ahead, as near as can be, and rather straight on than aside.
 *
 * @param {readonly Drawn[]} all
 * @param {Drawn | undefined} from
 * @param {(dx: number, dy: number) => [ahead: number, aside: number]} turn
 */
function ahead(all, from, turn) {
  if (from === undefined) return all[0];
  const center = (/** @type {Box} */ { x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 });
  const here = center(from.box);
  /** @type {{ drawn: Drawn, distance: number } | undefined} */
  let best;
  for (const drawn of all) {
    const there = center(drawn.box);
    const [ahead, aside] = turn(there.x - here.x, there.y - here.y);
    if (ahead < 4 || drawn === from) continue;
    const distance = ahead + 2 * aside;
    if (best === undefined || distance < best.distance) best = { drawn, distance };
  }
  return best?.drawn;
}
