// The table of kernels, which sorts and filters, and the arena beside it: what is chosen in one is shown in the other.

import { button, byId, html } from "./dom.js";
import { columnKeys, sortKeys, tensorText } from "./kernels.js";
import { countText } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */
/** @typedef {import("../../kernel-facts.ts").KernelReport} KernelReport */
/** @typedef {import("../../kernel-facts.ts").KernelStep} KernelStep */
/** @typedef {import("../../kernel-facts.ts").ArenaTensor} ArenaTensor */

/**
 * @param {HTMLElement} panel
 * @param {KernelReport} report
 * @param {App} app
 * @param {(tab: string) => void} showTab
 */
export function mountKernels(panel, report, app, showTab) {
  const table = byId("kernels", HTMLTableElement);
  const rows = report.steps.map((s) => byId(`kernel-${s.step}`, HTMLTableRowElement));
  const openStep = (/** @type {KernelStep} */ step) => {
    const module = app.page.modules.find((m) => m.path === step.module);
    if (module === undefined) return;
    app.open(module, "after");
    app.set({ view: "after" });
    showTab("graph");
  };
  const picture = mountPicture(panel, report, (step) => {
    const row = rows[step];
    row?.scrollIntoView({ block: "center" });
    mark(step);
  });
  const mark = (/** @type {number | undefined} */ step) => {
    rows.forEach((row, i) => row.classList.toggle("chosen", i === step));
    picture.mark(step);
  };
  report.steps.forEach((step, i) => {
    const row = rows[i];
    const name = row?.cells[1];
    name?.replaceChildren(button(step.name, () => openStep(step), { class: "link", title: "Show it in the graph" }));
    row?.addEventListener("click", () => mark(i));
  });
  mountSort(table, report.steps, rows);
  const filter = mountFilter(report.steps, rows);
  return {
    /** The kernels that store what a module or one below it computes, and a way to them; nothing where there are none. */
    linkOf: (/** @type {ModuleNode} */ module) => {
      const own = report.steps.filter((s) => isInside(s.module, module.path));
      if (own.length === 0) return undefined;
      const show = () => {
        filter(module.path);
        showTab("kernels");
      };
      return button(countText(own.length, "kernel"), show, { class: "link" });
    },
  };
}

/**
 * @param {string} path
 * @param {string} module
 */
const isInside = (path, module) => module === "" || path === module || path.startsWith(`${module}.`);

/**
 * Titles become buttons: the first click sorts names upwards and numbers downwards, the next one the other way.
 *
 * @param {HTMLTableElement} table
 * @param {readonly KernelStep[]} steps
 * @param {readonly HTMLTableRowElement[]} rows
 */
function mountSort(table, steps, rows) {
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
  const sort = (/** @type {string} */ key, /** @type {boolean} */ isUp) => {
    const of = sortKeys[key] ?? ((s) => s.step);
    const order = steps.toSorted((a, b) => compare(of(a), of(b)) * (isUp ? 1 : -1) || a.step - b.step);
    table.tBodies[0]?.append(...order.flatMap((s) => rows[s.step] ?? []));
    heads.forEach((head) => {
      const isKey = head.dataset.key === key;
      if (isKey) head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    heat(key, steps, rows);
  };
  for (const head of heads) {
    const key = head.dataset.key ?? "";
    const rises = key === "step" || key === "name" || key === "computes";
    head.replaceChildren(
      button(head.textContent ?? "", () => {
        const was = head.getAttribute("aria-sort");
        sort(key, was === null ? rises : was === "descending");
      }),
    );
  }
  heads[0]?.setAttribute("aria-sort", "ascending");
}

/**
 * @param {string | number} a
 * @param {string | number} b
 */
const compare = (a, b) =>
  typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });

/**
 * Colours the numbers that the table is sorted by, each by its share of the largest.
 *
 * @param {string} key
 * @param {readonly KernelStep[]} steps
 * @param {readonly HTMLTableRowElement[]} rows
 */
function heat(key, steps, rows) {
  const column = columnKeys.indexOf(key);
  const values = steps.map((s) => sortKeys[key]?.(s));
  const isCost = key !== "step" && values.every((v) => typeof v === "number");
  const most = Math.max(1, ...values.map(Number));
  rows.forEach((row, i) => {
    [...row.cells].forEach((cell, c) => cell.classList.toggle("heat", isCost && c === column));
    row.style.setProperty("--heat", Math.sqrt(Number(values[i]) / most || 0).toFixed(3));
  });
}

/**
 * @param {readonly KernelStep[]} steps
 * @param {readonly HTMLTableRowElement[]} rows
 */
function mountFilter(steps, rows) {
  const field = byId("kernel-filter", HTMLInputElement);
  const count = byId("kernel-count", HTMLSpanElement);
  const apply = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let shown = 0;
    steps.forEach((s, i) => {
      const text = `${s.name} ${s.module} ${s.computes.join(" ")}`.toLowerCase();
      const hits = words.every((word) => text.includes(word));
      if (hits) shown += 1;
      rows[i]?.toggleAttribute("hidden", !hits);
    });
    count.textContent = shown === steps.length ? "" : `${shown} of ${countText(steps.length, "kernel")}`;
  };
  field.addEventListener("input", apply);
  count.setAttribute("role", "status");
  return (/** @type {string} */ text) => {
    field.value = text;
    apply();
  };
}

/**
 * @param {HTMLElement} panel
 * @param {KernelReport} report
 * @param {(step: number) => void} choose
 */
function mountPicture(panel, { arena: { tensors }, steps }, choose) {
  const facts = byId("tensor-facts", HTMLParagraphElement);
  const boxes = [...panel.querySelectorAll(".tensor")].filter((box) => box instanceof SVGRectElement);
  const band = panel.querySelector("#arena-step");
  const said = html("span");
  const indexOf = (/** @type {EventTarget | null} */ target) =>
    target instanceof SVGRectElement ? boxes.indexOf(target) : -1;
  const tell = (/** @type {number} */ i) => {
    const tensor = tensors[i];
    if (tensor === undefined) return;
    said.textContent = tensorText(tensor, steps.length);
    facts.replaceChildren(said);
  };
  let held = 0;
  const focus = (/** @type {number} */ i) => {
    const box = boxes[i];
    if (box === undefined) return;
    boxes[held]?.setAttribute("tabindex", "-1");
    held = i;
    box.setAttribute("tabindex", "0");
    box.focus();
  };
  const pick = (/** @type {number} */ i) => {
    const tensor = tensors[i];
    if (tensor === undefined) return;
    boxes.forEach((box, k) => box.setAttribute("aria-selected", String(k === i)));
    choose(Math.min(Math.max(0, tensor.from), steps.length - 1));
  };
  const frame = byIdSvg("arena");
  frame.addEventListener("pointerover", (event) => tell(indexOf(event.target)));
  frame.addEventListener("focusin", (event) => tell(indexOf(event.target)));
  frame.addEventListener("click", (event) => {
    const i = indexOf(event.target);
    if (i < 0) return;
    focus(i);
    pick(i);
  });
  frame.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const i = indexOf(event.target);
    /** @type {Readonly<Record<string, () => void>>} */
    const keys = {
      ArrowRight: () => focus(i + 1),
      ArrowLeft: () => focus(i - 1),
      ArrowUp: () => focus(neighbour(tensors, i, 1)),
      ArrowDown: () => focus(neighbour(tensors, i, -1)),
      Home: () => focus(0),
      End: () => focus(boxes.length - 1),
      Enter: () => pick(i),
      " ": () => pick(i),
    };
    const action = keys[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
  return {
    /** @param {number | undefined} step */
    mark: (step) => {
      band?.setAttribute("x", String(step ?? 0));
      band?.setAttribute("width", step === undefined ? "0" : "1");
    },
  };
}

/**
 * The tensor next above, or below, of those that are alive when this one begins; itself where there is none.
 *
 * @param {readonly ArenaTensor[]} tensors
 * @param {number} i
 * @param {1 | -1} way
 */
function neighbour(tensors, i, way) {
  const own = tensors[i];
  if (own === undefined) return i;
  const others = tensors.flatMap((t, k) =>
    t.from <= own.from && own.from <= t.to && (t.offset - own.offset) * way > 0
      ? [{ k, distance: Math.abs(t.offset - own.offset) }]
      : [],
  );
  return others.toSorted((a, b) => a.distance - b.distance)[0]?.k ?? i;
}

/** @param {string} id */
function byIdSvg(id) {
  const frame = document.getElementById(id);
  if (frame instanceof SVGSVGElement) return frame;
  throw new TypeError(`the page has no drawing #${id}`);
}
