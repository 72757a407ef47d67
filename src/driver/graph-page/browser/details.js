// What is selected, in words and numbers, with ways to what it is made of and to who uses it.

import { graphOf } from "./app.js";
import { button, html } from "./dom.js";
import { readBy, valuesOutside } from "./model.js";
import { bytesText, changeText, quantityText, shareText, timesText } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./app.js").Side} Side */
/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./model.js").GraphModel} GraphModel */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */
/** @typedef {import("./model.js").ValueNode} ValueNode */

/**
 * @typedef {object} Ways Ways from a module to other panels.
 * @property {(module: ModuleNode) => void} addTap
 * @property {(module: ModuleNode) => Child} kernelsOf the kernels that compute it, where the page has them
 */

/** More than this of one kind is a list that nobody reads. */
const longestList = 40;

/**
 * @param {HTMLElement} place
 * @param {App} app
 * @param {Ways} ways
 */
export function mountDetails(place, app, ways) {
  app.listen(({ selection }, before) => {
    if (selection === before?.selection) return;
    const { side, module, value } = selection;
    const content = value === undefined ? moduleDetails(module, side, app, ways) : valueDetails(value, side, app);
    place.replaceChildren(...content);
  });
}

/**
 * @param {ModuleNode} module
 * @param {Side} side
 * @param {App} app
 * @param {Ways} ways
 * @returns {Element[]}
 */
function moduleDetails(module, side, app, ways) {
  const { before, after } = app.page;
  const graph = graphOf(app.page, side);
  const facts = graph.facts[module.index];
  const [was, is] = [before.facts[module.index], after.facts[module.index]];
  const { inputs, outputs } = valuesOutside(graph, module);
  const parameters = app.page.before.values.filter((v) => v.op === "param" && v.module === module);
  const isRoot = module.parent === undefined;
  const canOpen = app.state().level !== module;
  return [
    html("h2", {}, isRoot ? app.page.data.title : module.path),
    html("p", { class: "kind" }, isRoot ? "The whole network" : `Module, ${sideText(side)}`),
    html(
      "p",
      { class: "actions" },
      canOpen ? button("Open", () => app.open(module, side)) : undefined,
      isRoot || module.results.length === 0 ? undefined : button("Tap this module", () => ways.addTap(module)),
    ),
    list([
      ["Result", facts?.result === undefined ? undefined : html("code", {}, facts.result.type)],
      ["Size of it", facts?.result === undefined ? undefined : `${bytesText(facts.result.bytes)} per image`],
      [
        "Parameters",
        `${quantityText(was?.params ?? 0)}, ${shareText(was?.params ?? 0, before.facts[0]?.params ?? 0)} of the network`,
      ],
      ["MACs, before and after", changeText(was?.macs ?? 0, is?.macs ?? 0, quantityText)],
      ["Share of all MACs", shareText(facts?.macs ?? 0, graph.facts[0]?.macs ?? 0)],
      ["Operations, before and after", changeText(was?.ops ?? 0, is?.ops ?? 0, String)],
      ["Rules applied to its operations", appliedRules(is?.rules ?? new Map())],
      ["Kernels", ways.kernelsOf(module)],
      ["Takes", links(inputs, side, app)],
      ["Gives to", links(outputs, side, app)],
      ["Own weights", weightsTable(parameters)],
    ]),
  ];
}

/**
 * @param {ValueNode} value
 * @param {Side} side
 * @param {App} app
 * @returns {Element[]}
 */
function valueDetails(value, side, app) {
  const graph = graphOf(app.page, side);
  const weights = readBy(value);
  const params = weights.reduce((sum, p) => sum + p.params, 0);
  const attrs = value.attrs === "" ? undefined : html("code", {}, value.attrs);
  return [
    html("h2", {}, value.op),
    html("p", { class: "kind" }, `Operation, ${sideText(side)}`),
    html("p", { class: "doc" }, app.page.data.docs[value.op] ?? ""),
    list([
      ["Name", html("code", {}, value.name)],
      [
        "Module",
        button(value.module.path === "" ? app.page.rootName : value.module.path, () => app.open(value.module, side), {
          class: "link",
        }),
      ],
      ["Attributes", attrs],
      ["Result", html("code", {}, value.type)],
      ["Size of it", `${bytesText(value.bytes)} per image`],
      ["MACs", `${quantityText(value.macs)}, ${shareText(value.macs, graph.facts[0]?.macs ?? 0)} of the network`],
      ["Parameters", quantityText(params)],
      ["Output", value.outputs.length === 0 ? undefined : value.outputs.join(", ")],
      ["Made by", value.rules.length === 0 ? undefined : html("code", {}, value.rules.join(", "))],
      [
        "Takes",
        links(
          value.operands.flatMap((x) => (x !== undefined && x.runs ? [x] : [])),
          side,
          app,
        ),
      ],
      [
        "Gives to",
        links(
          value.users.filter((x) => x.runs),
          side,
          app,
        ),
      ],
      ["Reads", weightsTable(weights)],
    ]),
  ];
}

/** @param {Side} side */
const sideText = (side) => (side === "before" ? "before the passes" : "after the passes");

/**
 * Facts that there are.
 *
 * @param {readonly (readonly [string, Child])[]} facts
 */
const list = (facts) =>
  html(
    "dl",
    {},
    ...facts.flatMap(([name, fact]) => (fact === undefined ? [] : [html("dt", {}, name), html("dd", {}, fact)])),
  );

/**
 * Rules and how often each was applied, as the table of passes counts; without a number a pass over the whole graph.
 *
 * @param {ReadonlyMap<string, number>} rules
 */
export const appliedRules = (rules) =>
  rules.size === 0
    ? "none was applied here"
    : html(
        "ul",
        { class: "rules" },
        ...[...rules].map(([rule, n]) => html("li", {}, html("code", {}, rule), n === 0 ? "" : ` ${timesText(n)}`)),
      );

/**
 * @param {readonly ValueNode[]} values
 * @param {Side} side
 * @param {App} app
 */
function links(values, side, app) {
  const distinct = [...new Set(values)];
  if (distinct.length === 0) return undefined;
  const items = distinct.slice(0, longestList).map((value) =>
    html(
      "li",
      {},
      button(`${value.op} ${value.name}`, () => app.show(value, side), { class: "link" }),
      " ",
      html("code", {}, value.type),
    ),
  );
  const rest = distinct.length - items.length;
  return html("ul", {}, ...items, rest > 0 ? html("li", {}, `and ${rest} more`) : undefined);
}

/** @param {readonly ValueNode[]} weights */
function weightsTable(weights) {
  if (weights.length === 0) return undefined;
  const items = weights.slice(0, longestList).map((p) => html("li", {}, `${p.name} `, html("code", {}, p.type)));
  const rest = weights.length - items.length;
  return html("ul", {}, ...items, rest > 0 ? html("li", {}, `and ${rest} more`) : undefined);
}
