// The tap chooser: what is ticked becomes outputs, a cost, a command and a call.

import { compileCommand, libraryCall } from "./command.js";
import { costOf } from "./costs.js";
import { button, byId, html, tableOf } from "./dom.js";
import { contains } from "./model.js";
import { nearest } from "./near.js";
import { bytesText, countText, quantityText, shareText } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./model.js").ModuleNode} ModuleNode */
/** @typedef {import("../page-data.ts").TapChoice} TapChoice */
/** @typedef {import("../page-data.ts").TapOutput} TapOutput */

const outputColumns = [
  { title: "Output" },
  { title: "Type" },
  { title: "Channels", numeric: true },
  { title: "Reduction", numeric: true },
  { title: "Format" },
  { title: "Bytes per image", numeric: true },
];

/**
 * @param {HTMLElement} panel
 * @param {App} app
 */
export function mountChooser(panel, app) {
  const { data, modules, before } = app.page;
  const choices = new Map(data.taps.choices.map((choice) => [choice.tap, choice]));
  /** @type {string[]} */
  let chosen = [...data.taps.asked];
  const boxes = [...panel.querySelectorAll("input")].filter((box) => box.name === "tap");
  const added = byId("added", HTMLUListElement);
  const field = byId("module-field", HTMLInputElement);
  const out = byId("out-field", HTMLInputElement);
  const offered = modules.filter((m) => m.results.length > 0 && m.path !== "");
  byId("module-names", HTMLDataListElement).append(...offered.map((m) => html("option", { value: m.path })));
  out.value = data.command.out;

  const outputsOf = (/** @type {string} */ tap) => choices.get(tap)?.outputs ?? [];

  /** The network to its logits, whatever the drawn graphs end at. */
  const whole = {
    macs:
      costOf(outputsOf("logits").flatMap(({ row }) => before.values[row] ?? [])).macs || (before.facts[0]?.macs ?? 0),
    params: before.facts[0]?.params ?? 0,
  };

  const update = () => {
    for (const box of boxes) box.checked = chosen.includes(box.value);
    added.replaceChildren(
      ...chosen
        .filter((tap) => choices.get(tap)?.kind === "module")
        .map((tap) =>
          html(
            "li",
            {},
            html("code", {}, tap),
            " ",
            button("Remove", () => toggle(tap), { "aria-label": `Remove ${tap}` }),
          ),
        ),
    );
    const outputs = chosen.flatMap(outputsOf);
    const cost = costOf(outputs.flatMap(({ row }) => before.values[row] ?? []));
    const cut = (modules[0]?.children ?? []).filter(
      (m) => holdsCost(m, app) && ![...cost.reached].some((v) => contains(m, v.module)),
    );
    byId("outputs", HTMLDivElement).replaceChildren(
      outputs.length === 0
        ? html("p", {}, "Choose a tap: an artifact has one output at least.")
        : tableOf(
            outputColumns,
            outputs.map((o) => outputRow(o)),
          ),
    );
    byId("cost", HTMLDListElement).replaceChildren(
      ...definition(
        "MACs",
        `${quantityText(cost.macs)} per image, ${shareText(cost.macs, whole.macs)} of the network to its logits`,
      ),
      ...definition(
        "Parameters",
        `${quantityText(cost.params)} are read, ${shareText(cost.params, whole.params)} of ${quantityText(whole.params)}`,
      ),
      ...definition("Weights", bytesText(cost.weightBytes)),
      ...definition("Cut away", cut.length === 0 ? "nothing that has a cost" : cut.map((m) => m.path).join(", ")),
    );
    const commands = byId("commands", HTMLDivElement);
    commands.hidden = outputs.length === 0;
    const folder = out.value.trim() === "" ? data.command.out : out.value.trim();
    byId("command", HTMLElement).textContent = compileCommand(data.command, chosen, folder);
    byId("call", HTMLElement).textContent = libraryCall(data.command, chosen, folder);
    return { outputs, cost };
  };

  const toggle = (/** @type {string} */ tap) => {
    chosen = chosen.includes(tap) ? chosen.filter((t) => t !== tap) : [...chosen, tap];
    const { outputs, cost } = update();
    app.say(
      `${countText(outputs.length, "output")}, ${quantityText(cost.macs)} MACs, ${quantityText(cost.params)} parameters`,
    );
  };

  const addModule = (/** @type {ModuleNode} */ module) => {
    const choice = moduleChoice(module);
    choices.set(choice.tap, choice);
    if (!chosen.includes(choice.tap)) toggle(choice.tap);
  };

  for (const box of boxes) box.addEventListener("change", () => toggle(box.value));
  out.addEventListener("input", update);
  for (const box of panel.querySelectorAll("input")) {
    if (box.name !== "list") continue;
    const list = () => byId("stages", HTMLTableElement).classList.toggle(`without-${box.value}`, !box.checked);
    box.addEventListener("change", list);
    list();
  }
  const error = byId("module-error", HTMLParagraphElement);
  const tell = (/** @type {string} */ text) => {
    error.textContent = text;
    field.setAttribute("aria-invalid", String(text !== ""));
  };
  const addField = () => {
    const path = field.value.trim().replace(/^module:/, "");
    const module = offered.find((m) => m.path === path);
    if (module === undefined) return tell(unknownText(path, offered));
    addModule(module);
    field.value = "";
    tell("");
  };
  field.addEventListener("input", () => tell(""));
  byId("module-add", HTMLButtonElement).addEventListener("click", addField);
  field.addEventListener("keydown", (event) => event.key === "Enter" && addField());
  for (const id of ["command", "call"]) {
    const copy = button("Copy", () => void copyText(byId(id, HTMLElement), app), {
      "aria-label": `Copy the ${id}`,
      class: "copy",
    });
    byId(id, HTMLElement).parentElement?.before(copy);
  }
  update();
  return { addModule };
}

/**
 * @param {string} path
 * @param {readonly ModuleNode[]} modules
 */
function unknownText(path, modules) {
  if (path === "") return "Which module? Its path is as in the tree, such as the ones that are proposed.";
  const names = modules.map((m) => m.path);
  const near = nearest(path, names);
  return `There is no module "${path}". ${near === undefined ? "The tree has their paths." : `Did you mean "${near}"?`}`;
}

/**
 * @param {ModuleNode} module
 * @param {App} app
 */
function holdsCost(module, app) {
  const facts = app.page.before.facts[module.index];
  return facts !== undefined && (facts.params > 0 || facts.macs > 0);
}

/**
 * A module as a tap: what each of its calls returned.
 *
 * @param {ModuleNode} module
 * @returns {TapChoice}
 */
function moduleChoice(module) {
  const tap = `module:${module.path}`;
  const outputs = module.results.map(({ value, type }, i) => {
    const [, dtype = "", shape = ""] = /^(\w+)\[(.*)\]$/.exec(type) ?? [];
    const name = module.results.length === 1 ? tap : `${tap}.${i}`;
    return {
      name,
      dtype,
      shape,
      module: module.path,
      channels: null,
      reduction: null,
      format: null,
      norm: null,
      softmax: false,
      bytes: value.bytes < 0 ? null : value.bytes,
      row: value.row,
    };
  });
  return { tap, kind: "module", outputs };
}

/** @param {TapOutput} output */
const outputRow = ({ name, dtype, shape, channels, reduction, format, norm, softmax, bytes }) => [
  html("code", {}, name),
  html("code", {}, `${dtype}[${shape}]`),
  channels === null ? "–" : String(channels),
  reduction === null ? "–" : String(reduction),
  [format ?? "–", norm === true ? ", normed" : "", softmax ? ", probabilities" : ""].join(""),
  bytesText(bytes),
];

/**
 * @param {string} name
 * @param {string} text
 */
const definition = (name, text) => [html("dt", {}, name), html("dd", {}, text)];

/**
 * @param {HTMLElement} source
 * @param {App} app
 */
async function copyText(source, app) {
  try {
    await navigator.clipboard.writeText(source.textContent ?? "");
    app.say("Copied");
  } catch {
    // Where the browser keeps its clipboard to itself, the reader copies the selection.
    getSelection()?.selectAllChildren(source);
    app.say("Selected: copy it with the keyboard");
  }
}
