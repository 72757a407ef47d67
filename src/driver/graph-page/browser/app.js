// What the reader looks at: one state, and those who are told when it changes.

/** @typedef {import("./model.js").GraphModel} GraphModel */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */
/** @typedef {import("./model.js").PageModel} PageModel */
/** @typedef {import("./model.js").ValueNode} ValueNode */
/** @typedef {"before" | "after"} Side */
/** @typedef {"macs" | "params" | "bytes"} Metric */

/**
 * @typedef {object} Selection A module, or a value of one of the graphs.
 * @property {Side} side
 * @property {ModuleNode} module
 * @property {ValueNode | undefined} value
 */

/**
 * @typedef {object} State
 * @property {ModuleNode} level the module that is drawn
 * @property {Selection} selection
 * @property {Side | "both"} view
 * @property {Metric} metric
 */

/**
 * @typedef {object} App
 * @property {PageModel} page
 * @property {() => State} state
 * @property {(patch: Partial<State>) => void} set tells everybody who listens
 * @property {(listener: (state: State, before: State | undefined) => void) => void} listen the listener is called at once, too
 * @property {(module: ModuleNode, side?: Side) => void} open draws a module's level
 * @property {(value: ValueNode, side: Side) => void} show opens a value's module and selects it
 * @property {(text: string) => void} say to those who do not see it
 */

/**
 * @param {PageModel} page
 * @param {ModuleNode} root
 * @param {(text: string) => void} say
 * @returns {App}
 */
export function createApp(page, root, say) {
  /** @type {State} */
  let state = {
    level: root,
    selection: { side: "before", module: root, value: undefined },
    view: "before",
    metric: "macs",
  };
  /** @type {((state: State, before: State | undefined) => void)[]} */
  const listeners = [];
  const set = (/** @type {Partial<State>} */ patch) => {
    const before = state;
    state = { ...state, ...patch };
    for (const listener of listeners) listener(state, before);
  };
  const sideOf = (/** @type {Side | undefined} */ side) =>
    side ?? (state.view === "both" ? state.selection.side : state.view);
  return {
    page,
    state: () => state,
    set,
    listen: (listener) => {
      listeners.push(listener);
      listener(state, undefined);
    },
    open: (module, side) => set({ level: module, selection: { side: sideOf(side), module, value: undefined } }),
    show: (value, side) =>
      set({
        level: value.module,
        selection: { side, module: value.module, value },
        view: state.view === "both" ? "both" : side,
      }),
    say,
  };
}

/**
 * @param {PageModel} page
 * @param {Side} side
 */
export const graphOf = (page, side) => (side === "before" ? page.before : page.after);

/**
 * How much of the network's cost something is, from 0 to 1; of bytes, how much of its largest result.
 *
 * @param {GraphModel} graph
 * @param {Metric} metric
 * @param {{ readonly macs: number, readonly params: number, readonly bytes: number }} of
 */
export function heatOf(graph, metric, of) {
  const whole = metric === "bytes" ? largestBytes(graph) : (graph.facts[0]?.[metric] ?? 0);
  return whole <= 0 ? 0 : Math.min(1, Math.max(0, of[metric]) / whole);
}

/** @type {WeakMap<GraphModel, number>} */
const largest = new WeakMap();

/** @param {GraphModel} graph */
function largestBytes(graph) {
  const known = largest.get(graph) ?? graph.values.reduce((most, v) => (v.runs ? Math.max(most, v.bytes) : most), 0);
  largest.set(graph, known);
  return known;
}
