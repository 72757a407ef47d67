// Why nothing of a module runs in a graph, in a sentence.

import { contains } from "./model.js";

/** @typedef {import("./app.js").Side} Side */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */
/** @typedef {import("./model.js").PageModel} PageModel */

/** More modules than this are a list that nobody reads. */
const mostPlaces = 4;

/**
 * @param {PageModel} page
 * @param {ModuleNode} module
 * @param {Side} side
 */
export function absenceText(page, module, side) {
  const { path } = module;
  if ((page.before.facts[module.index]?.ops ?? 0) > 0 && side === "after") return emptiedText(page, module);
  return page.before.values.some((v) => v.op !== "param" && contains(module, v.module))
    ? `${path} does not run: no output that was asked for depends on it.`
    : `${path} has no operations of its own: it hands on what it takes.`;
}

/**
 * @param {PageModel} page
 * @param {ModuleNode} module
 */
function emptiedText({ applications, modules }, module) {
  /** @type {Map<string, Set<ModuleNode>>} by rule: the modules around this one that it took operations into */
  const rules = new Map();
  for (const { rule, into, took } of applications) {
    if (!took.some((m) => contains(module, m))) continue;
    const targets = rules.get(rule) ?? new Set();
    rules.set(rule, targets);
    if (into !== undefined && !contains(module, into)) targets.add(into);
  }
  const known = [...rules].map(([rule, targets]) =>
    targets.size === 0
      ? `${rule} removed operations of it`
      : `${rule} took its operations into ${placesText([...targets], modules[0])}`,
  );
  return known.length === 0
    ? `${module.path} is empty after the passes.`
    : `${module.path} is empty after the passes: ${known.join("; ")}.`;
}

/**
 * @param {readonly ModuleNode[]} modules
 * @param {ModuleNode | undefined} root
 */
function placesText(modules, root) {
  const names = modules.slice(0, mostPlaces).map((m) => (m === root ? "the network's own" : m.path));
  const rest = modules.length - names.length;
  return names.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
