// The page's data as objects: values that know their operands and users, modules that know their children.

/** @typedef {import("../page-data.ts").PageData} PageData */
/** @typedef {import("../page-data.ts").GraphColumns} GraphColumns */
/** @typedef {import("../page-data.ts").LayoutData} LayoutData */

/**
 * @typedef {object} ModuleNode A module of the network; the root has no parent and an empty path.
 * @property {number} index
 * @property {string} name
 * @property {string} path
 * @property {number} depth 0 for the root
 * @property {ModuleNode | undefined} parent
 * @property {ModuleNode[]} children
 * @property {{ readonly value: ValueNode, readonly type: string }[]} results what each call returned, and its type at the
 *   batch of the outputs
 */

/**
 * @typedef {object} ValueNode One value of a graph.
 * @property {number} row
 * @property {string} name unique in its graph
 * @property {string} op
 * @property {ModuleNode} module
 * @property {string} type such as f32[N,64,56,56]
 * @property {string} attrs
 * @property {readonly string[]} rules that made it
 * @property {number} macs
 * @property {number} params elements of a parameter, 0 of anything else
 * @property {number} bytes -1 where not known
 * @property {(ValueNode | undefined)[]} operands
 * @property {ValueNode[]} users
 * @property {boolean} isWeight
 * @property {boolean} runs it is computed with the model, and an output depends on it
 * @property {string[]} outputs the outputs that it is
 */

/**
 * @typedef {object} ModuleFacts What a graph has of a module and of all below it.
 * @property {ValueNode[]} own values that run and belong to the module itself
 * @property {number} ops how many values run
 * @property {number} macs
 * @property {number} params
 * @property {ReadonlyMap<string, number>} rules by rule: how often it was applied to what the module had; 0 of a pass over
 *   the whole graph, which does not count by module
 * @property {ValueNode | undefined} result what the module hands on, of what runs; none where only taps inside it leave
 */

/**
 * @typedef {object} GraphModel
 * @property {readonly ValueNode[]} values
 * @property {readonly ModuleFacts[]} facts by module
 */

/**
 * @typedef {object} Application One application of a rule, or all that a pass over the whole graph did.
 * @property {string} rule
 * @property {ModuleNode | undefined} into the module whose the result is; none of a pass over the whole graph
 * @property {readonly ModuleNode[]} took the modules whose operations it took away or replaced
 */

/**
 * @typedef {object} PageModel
 * @property {PageData} data
 * @property {readonly ModuleNode[]} modules
 * @property {GraphModel} before
 * @property {GraphModel} after
 * @property {readonly Application[]} applications
 * @property {string} rootName what the root is called among its modules: the architecture
 */

/** The value is computed when the model is compiled. */
export const weightFlag = 1;
/** The value is computed with the model, and an output that was asked for depends on it. */
export const runsFlag = 2;

/**
 * @param {PageData} data
 * @returns {PageModel}
 */
export function decodePage(data) {
  const modules = decodeModules(data);
  const before = decodeValues(data.before, data.strings, modules);
  data.modules.results.forEach((rows, i) => {
    const types = data.modules.resultTypes[i] ?? [];
    modules[i]?.results.push(
      ...rows.flatMap((row, call) => {
        const value = before[row];
        return value === undefined ? [] : [{ value, type: data.strings[types[call] ?? -1] ?? "" }];
      }),
    );
  });
  const after = decodeValues(data.after, data.strings, modules);
  const applications = decodeApplications(data, modules);
  const [rootName = ""] = data.title.split(".");
  return {
    data,
    modules,
    rootName,
    before: { values: before, facts: factsOf(before, modules, []) },
    after: { values: after, facts: factsOf(after, modules, applications) },
    applications,
  };
}

/**
 * @param {PageData} data
 * @returns {ModuleNode[]}
 */
function decodeModules({ modules: columns, strings }) {
  /** @type {ModuleNode[]} */
  const modules = [];
  columns.name.forEach((place, index) => {
    const name = strings[place] ?? "";
    const parent = modules[columns.parent[index] ?? -1];
    const path = parent === undefined || parent.path === "" ? name : `${parent.path}.${name}`;
    /** @type {ModuleNode} */
    const module = {
      index,
      name,
      path,
      parent,
      depth: parent === undefined ? 0 : parent.depth + 1,
      children: [],
      results: [],
    };
    parent?.children.push(module);
    modules.push(module);
  });
  return modules;
}

/**
 * @param {PageData} data
 * @param {readonly ModuleNode[]} modules
 * @returns {Application[]}
 */
const decodeApplications = ({ applications: { rule, into, took }, strings }, modules) =>
  rule.map((place, i) => ({
    rule: strings[place] ?? "",
    into: modules[into[i] ?? -1],
    took: (took[i] ?? []).flatMap((index) => modules[index] ?? []),
  }));

/**
 * @param {GraphColumns} columns
 * @param {readonly string[]} strings
 * @param {readonly ModuleNode[]} modules
 * @returns {ValueNode[]}
 */
function decodeValues(columns, strings, modules) {
  const text = (/** @type {number | undefined} */ place) => strings[place ?? -1] ?? "";
  /** @type {ValueNode[]} */
  const values = [];
  columns.op.forEach((op, row) => {
    const module = modules[columns.module[row] ?? 0] ?? modules[0];
    if (module === undefined) return;
    const flag = columns.flags[row] ?? 0;
    const rules = text(columns.rules[row]);
    const attrs = text(columns.attrs[row]);
    /** @type {ValueNode} */
    const value = {
      row,
      op: text(op),
      module,
      name: valueName(text(op), module.path, columns.repetition[row] ?? 0, attrs),
      type: text(columns.type[row]),
      attrs: text(op) === "param" ? "" : attrs,
      rules: rules === "" ? [] : rules.split(","),
      macs: columns.macs[row] ?? 0,
      params: columns.params[row] ?? 0,
      bytes: columns.bytes[row] ?? -1,
      operands: (columns.operands[row] ?? []).map((x) => values[x]),
      users: [],
      isWeight: flag === weightFlag,
      runs: flag === runsFlag,
      outputs: [],
    };
    for (const x of new Set(value.operands)) x?.users.push(value);
    values.push(value);
  });
  for (const { name, row } of columns.outputs) values[row]?.outputs.push(name);
  return values;
}

/**
 * A value's name as the textual IR has it.
 *
 * @param {string} op
 * @param {string} path
 * @param {number} repetition
 * @param {string} own of a parameter
 */
function valueName(op, path, repetition, own) {
  if (op === "param") return path === "" ? own : `${path}.${own}`;
  if (op === "input") return "input";
  return `${path === "" ? "_" : path}${repetition === 0 ? "" : `~${repetition}`}`;
}

/**
 * @param {readonly ValueNode[]} values
 * @param {readonly ModuleNode[]} modules
 * @param {readonly Application[]} applications
 * @returns {ModuleFacts[]}
 */
function factsOf(values, modules, applications) {
  const facts = modules.map(() => ({
    own: /** @type {ValueNode[]} */ ([]),
    ops: 0,
    macs: 0,
    params: 0,
    rules: /** @type {Map<string, number>} */ (new Map()),
    result: /** @type {ValueNode | undefined} */ (undefined),
  }));
  for (const value of values) {
    if (value.runs) facts[value.module.index]?.own.push(value);
    for (const module of withParents(value.module)) {
      const sum = facts[module.index];
      if (sum === undefined) break;
      sum.params += value.params;
      if (!value.runs) continue;
      if (value.op !== "input") sum.ops += 1;
      sum.macs += value.macs;
      if (isTakenOutside(value, module)) sum.result = value;
    }
  }
  // At the network's end modules hand on outputs; elsewhere an output is a tap beside what the module hands on.
  const ends = facts.map(({ result }) => result === undefined);
  for (const value of values.filter((v) => v.runs && v.outputs.length > 0))
    for (const module of withParents(value.module)) {
      const sum = facts[module.index];
      if (sum !== undefined && ends[module.index] === true && isEnd(value, module, sum.result)) sum.result = value;
    }
  for (const { rule, into, took } of applications)
    for (const module of new Set([into, ...took].flatMap((m) => (m === undefined ? [] : withParents(m))))) {
      const rules = facts[module.index]?.rules;
      rules?.set(rule, (rules.get(rule) ?? 0) + (into === undefined ? 0 : 1));
    }
  return facts;
}

/**
 * Whether an output is what a module at the network's end hands on, rather than an earlier one: of several the logits, or
 * else the last; never an attention map or another form of what the module returned.
 *
 * @param {ValueNode} output
 * @param {ModuleNode} module
 * @param {ValueNode | undefined} earlier
 */
function isEnd(output, module, earlier) {
  if (earlier?.outputs.includes("logits") === true) return false;
  if (output.outputs.every((name) => name.startsWith("attn:"))) return false;
  const returned = module.results.at(-1);
  return returned === undefined || output.type === returned.type || output.type === returned.value.type;
}

/** @param {ModuleNode} module */
function withParents(module) {
  const path = [module];
  for (let each = module.parent; each !== undefined; each = each.parent) path.push(each);
  return path;
}

/**
 * Whether a value is used outside a module that it is in.
 *
 * @param {ValueNode} value
 * @param {ModuleNode} module
 */
export const leaves = (value, module) => value.outputs.length > 0 || isTakenOutside(value, module);

/**
 * @param {ValueNode} value
 * @param {ModuleNode} module
 */
const isTakenOutside = (value, module) => value.users.some((user) => user.runs && !contains(module, user.module));

/**
 * @param {ModuleNode} module
 * @param {ModuleNode | undefined} inner
 */
export function contains(module, inner) {
  for (let each = inner; each !== undefined; each = each.parent) if (each === module) return true;
  return false;
}

/**
 * The parameters and buffers that a value reads, through what is computed of them.
 *
 * @param {ValueNode} value
 */
export function readBy(value) {
  const weights = new Set(value.operands.filter((x) => x !== undefined && x.isWeight));
  for (const each of weights) for (const x of each?.operands ?? []) weights.add(x);
  return [...weights].flatMap((x) => (x?.op === "param" ? [x] : []));
}

/**
 * The values outside a module that it takes, and those that take what it gives.
 *
 * @param {GraphModel} graph
 * @param {ModuleNode} module
 */
export function valuesOutside(graph, module) {
  /** @type {Set<ValueNode>} */
  const inputs = new Set();
  /** @type {Set<ValueNode>} */
  const outputs = new Set();
  for (const value of valuesInside(graph, module)) {
    for (const x of value.operands) if (x !== undefined && x.runs && !contains(module, x.module)) inputs.add(x);
    for (const x of value.users) if (x.runs && !contains(module, x.module)) outputs.add(x);
  }
  return { inputs: [...inputs], outputs: [...outputs] };
}

/**
 * Values that run in a module and below it, in the graph's order.
 *
 * @param {GraphModel} graph
 * @param {ModuleNode} module
 * @returns {ValueNode[]}
 */
export function valuesInside(graph, module) {
  /** @type {ValueNode[]} */
  const found = [];
  const visit = (/** @type {ModuleNode} */ each) => {
    found.push(...(graph.facts[each.index]?.own ?? []));
    each.children.forEach(visit);
  };
  visit(module);
  return found.sort((a, b) => a.row - b.row);
}
