// One level of the drawing: a module's children as boxes, its own values as nodes, and what comes in and goes out.
// The generator lays levels out and the page draws them: both see the same items in the same order.

import { contains, leaves, valuesInside } from "./model.js";
import { countText, quantityText } from "./units.js";

/** @typedef {import("./model.js").GraphModel} GraphModel */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */
/** @typedef {import("./model.js").ValueNode} ValueNode */

/**
 * @typedef {object} Item
 * @property {"module" | "op" | "input" | "output"} kind inputs and outputs are of the level, not of the network
 * @property {ModuleNode | undefined} module of a box
 * @property {ValueNode} value of a box what it gives
 * @property {string} title
 * @property {readonly string[]} lines below the title
 * @property {number} width
 * @property {number} height
 */

/**
 * @typedef {object} Level
 * @property {readonly Item[]} items
 * @property {readonly (readonly [from: number, to: number])[]} edges distinct, without those from an item to itself
 */

/** What a letter of the drawing's type is wide, in its two sizes; the page sets a typeface of equal widths. */
const titleLetter = 7.9;
const lineLetter = 6.7;
const longestText = 34;
/** Few widths: levels that differ in a digit of a shape share their layout. */
const widthStep = 32;

/** @param {string} text */
const shortened = (text) => (text.length <= longestText ? text : `…${text.slice(text.length - longestText + 1)}`);

/**
 * @param {GraphModel} graph
 * @param {ModuleNode} module
 * @returns {Level}
 */
export function levelOf(graph, module) {
  const values = valuesInside(graph, module);
  const inside = new Set(values);
  /** @type {Map<ModuleNode | ValueNode, number>} */
  const places = new Map();
  /** @type {Item[]} */
  const items = [];
  const place = (/** @type {ModuleNode | ValueNode} */ key, /** @type {() => Item} */ make) => {
    if (!places.has(key)) places.set(key, items.push(make()) - 1);
    return places.get(key) ?? 0;
  };
  const placeOf = (/** @type {ValueNode} */ value) => {
    if (!inside.has(value)) return place(value, () => portItem("input", value));
    const child = childOf(module, value.module);
    return child === undefined ? place(value, () => opItem(value)) : place(child, () => boxItem(graph, child));
  };
  /** @type {Map<string, [number, number]>} */
  const edges = new Map();
  const connect = (/** @type {number} */ from, /** @type {number} */ to) => {
    if (from !== to) edges.set(`${from} ${to}`, [from, to]);
  };
  for (const value of values) {
    const sources = value.operands.flatMap((x) => (x === undefined || x.isWeight || !x.runs ? [] : [placeOf(x)]));
    const to = placeOf(value);
    for (const from of sources) connect(from, to);
  }
  for (const value of values)
    if (leaves(value, module)) connect(placeOf(value), items.push(portItem("output", value)) - 1);
  return { items, edges: [...edges.values()] };
}

/**
 * Equal for levels that look the same but for their words: they are laid out once.
 *
 * @param {Level} level
 */
export const signatureOf = ({ items, edges }) =>
  `${items.map((i) => `${i.width}x${i.height}`).join(" ")}|${edges.map((e) => e.join(">")).join(" ")}`;

/**
 * The child of a module on the way to another one; none where that is the module itself.
 *
 * @param {ModuleNode} module
 * @param {ModuleNode} inner
 */
function childOf(module, inner) {
  if (inner === module || !contains(module, inner)) return undefined;
  let child = inner;
  while (child.parent !== undefined && child.parent !== module) child = child.parent;
  return child;
}

/**
 * @param {Item["kind"]} kind
 * @param {Pick<Item, "module" | "value" | "title" | "lines">} parts
 * @returns {Item}
 */
function sized(kind, parts) {
  const title = shortened(parts.title);
  const lines = parts.lines.map(shortened);
  const wide = Math.max(title.length * titleLetter, ...lines.map((line) => line.length * lineLetter));
  const isPort = kind === "input" || kind === "output";
  const width = Math.max(isPort ? 64 : 128, widthStep * Math.ceil((wide + 20) / widthStep));
  return { ...parts, kind, title, lines, width, height: (isPort ? 26 : 32) + 15 * lines.length };
}

const costLines = (/** @type {number} */ macs) => (macs > 0 ? [`${quantityText(macs)} MACs`] : []);

/** A name where it makes no box wide, or else how many there are. */
function ruleLines(/** @type {readonly string[]} */ rules) {
  const [first] = rules;
  if (first === undefined) return [];
  return [rules.length === 1 && first.length <= 18 ? `by ${first}` : `by ${countText(rules.length, "rule")}`];
}

/**
 * @param {ValueNode} value
 * @returns {Item}
 */
function opItem(value) {
  const lines = [value.type, ...costLines(value.macs), ...ruleLines(value.rules)];
  return sized("op", { module: undefined, value, title: value.op, lines });
}

/**
 * @param {GraphModel} graph
 * @param {ModuleNode} module
 * @returns {Item}
 */
function boxItem(graph, module) {
  const facts = graph.facts[module.index];
  const value = facts?.result ?? valuesInside(graph, module).at(-1);
  if (facts === undefined || value === undefined) throw new RangeError(`nothing of ${module.path} runs`);
  const type = facts.result === undefined ? [] : [facts.result.type];
  const lines = [...type, ...costLines(facts.macs), ...ruleLines([...facts.rules.keys()])];
  return sized("module", { module, value, title: module.name, lines });
}

/**
 * @param {"input" | "output"} kind
 * @param {ValueNode} value
 * @returns {Item}
 */
function portItem(kind, value) {
  return sized(kind, {
    module: undefined,
    value,
    title: kind === "input" ? sourceText(value) : targetText(value),
    lines: [],
  });
}

/** @param {ValueNode} value */
function sourceText({ op, module }) {
  if (op === "input") return "input";
  return `from ${module.path === "" ? op : module.path}`;
}

/** @param {ValueNode} value */
const targetText = ({ outputs }) => (outputs.length === 0 ? "output" : outputs.join(", "));
