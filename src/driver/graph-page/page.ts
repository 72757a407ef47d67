import type { Inspection } from "../inspect.ts";
import { costOf } from "./browser/costs.js";
import type { GraphModel, PageModel } from "./browser/model.js";
import { bytesText, quantityText, timesText } from "./browser/units.js";
import { attribute, escapeHtml, tag } from "../html.ts";
import type { PageData, TapChoice, TapOutput } from "./page-data.ts";
import { kernelsPanel } from "./kernels-panel.ts";
import { kernelsStyle } from "./kernels-style.ts";
import { pageScript } from "./script.ts";
import { style } from "./style.ts";

/**
 * The page as text. Its tables of stages and of passes can be read without the script, which adds the tree, the drawings,
 * the search and the tap chooser.
 */
export function pageHtml({ data, before, after }: PageModel, inspection: Inspection): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(data.title)} - timmc inspect</title>
<style>${style}${data.kernels === null ? "" : kernelsStyle}</style>
<noscript><style>.needs-script { display: none !important; } #work { display: block; overflow: auto; } #work > section { display: block !important; }</style></noscript>
</head>
<body data-tab="graph">
<a class="skip needs-script" href="#panel-modules">To the modules</a>
<header>
<h1>${escapeHtml(data.title)}</h1>
<p class="facts">${factsOf(inspection, before.facts[0]?.macs ?? 0)
    .map((fact) => tag("span", fact))
    .join(" ")}</p>
<div class="search needs-script" role="search">
<input id="search" type="search" role="combobox" aria-label="Search modules, operations and parameters" aria-expanded="false" aria-controls="found" aria-autocomplete="list" placeholder="Search modules, operations, parameters" autocomplete="off" spellcheck="false">
<ul id="found" role="listbox" aria-label="Results" hidden></ul>
</div>
</header>
${notices(inspection.notices)}
<noscript><p>The module tree, the drawings and the tap chooser need scripts; the tables do without.</p></noscript>
<div id="tabs" role="tablist" aria-label="Views" class="needs-script">
${tabsOf(data)
  .map(
    ([name, title]) =>
      `<button type="button" role="tab" id="tab-${name}" data-tab="${name}" aria-controls="panel-${name}">${title}</button>`,
  )
  .join("\n")}
</div>
<main>
<section id="panel-modules" class="needs-script" aria-label="Modules" tabindex="-1">
<div class="bar"><button type="button" id="unfold">Unfold all</button><button type="button" id="fold">Fold all</button>
<label>Colour <select id="metric"><option value="macs">MACs</option><option value="params">Parameters</option><option value="bytes">Output bytes</option></select></label></div>
<div class="scroll">
<table id="tree" role="treegrid" aria-label="Modules: arrow keys move, right and left fold, Enter opens">
<thead><tr role="row"><th scope="col" role="columnheader">Module</th><th scope="col" role="columnheader">Shape</th><th scope="col" role="columnheader" class="n">Params</th><th scope="col" role="columnheader" class="n">MACs</th><th scope="col" role="columnheader" class="n">Output</th></tr></thead>
</table>
</div>
</section>
<div id="work">
${graphPanel(data)}
${passesPanel(data, before, after)}
${tapsPanel(data, before)}
${data.kernels === null ? "" : kernelsPanel(data.kernels)}
</div>
</main>
<output id="status" class="spoken" aria-live="polite"></output>
<script type="application/json" id="data">${jsonText(data)}</script>
<script type="module">${pageScript()}</script>
</body>
</html>
`;
}

const tabs = [
  ["modules", "Modules"],
  ["graph", "Graph"],
  ["passes", "Passes"],
  ["taps", "Taps"],
] as const;

const tabsOf = ({ kernels }: PageData): readonly (readonly [string, string])[] =>
  kernels === null ? tabs : [...tabs, ["kernels", "Kernels"]];

/** JSON in which no tag begins. */
const jsonText = (data: PageData): string => JSON.stringify(data).replaceAll("<", "\\u003c");

/** Facts on the whole network, and on what `drawn` is of where that costs more or less. */
const factsOf = ({ family, params, macs, input }: Inspection, drawn: number): string[] => [
  family,
  `${quantityText(params)} parameters`,
  quantityText(macs) === quantityText(drawn)
    ? `${quantityText(macs)} MACs`
    : `${quantityText(macs)} MACs to the logits, ${quantityText(drawn)} to the outputs drawn here`,
  `input ${input.dtype}[${input.shape.map((d) => d ?? "N").join(",")}]`,
];

const notices = (texts: readonly string[]): string =>
  texts.length === 0
    ? ""
    : `<ul class="notices" aria-label="Notices">${texts.map((text) => tag("li", text)).join("")}</ul>`;

const graphPanel = ({
  level,
}: PageData): string => `<section id="panel-graph" role="tabpanel" class="needs-script" tabindex="-1">
<div class="bar">
<nav aria-label="Level"><ol id="crumbs"></ol></nav>
<fieldset class="views"><legend class="spoken">Graph</legend>
<label><input type="radio" name="view" value="before"><span>Before</span></label><label><input type="radio" name="view" value="after"><span>After</span></label><label><input type="radio" name="view" value="both"><span>Side by side</span></label>
</fieldset>
<div class="zoom" role="group" aria-label="Zoom"><button type="button" id="zoom-out" aria-label="Smaller">−</button><button type="button" id="fit" aria-label="All of it">Fit</button><button type="button" id="zoom-in" aria-label="Larger">+</button></div>
</div>
<div class="stage">
<div id="canvases" data-view="before">
${canvas("before", "Before: as timm defines it")}
${canvas("after", `After: ${level}`)}
</div>
<aside id="details" aria-label="Details of what is selected" tabindex="0"></aside>
</div>
<p class="legend" id="graph-help"><span class="scale" aria-hidden="true"></span><span>Colour and bar: share of the network's cost, on a square-root scale.</span> <span>Click selects, click again or Enter opens, Escape goes up; arrow keys move; drag or wheel pans, Ctrl and wheel zooms.</span></p>
</section>`;

const canvas = (side: "before" | "after", title: string): string =>
  `<figure class="${side}"><figcaption>${escapeHtml(title)}</figcaption><svg id="canvas-${side}" role="listbox" aria-describedby="graph-help"></svg></figure>`;

function passesPanel({ passes, level }: PageData, before: GraphModel, after: GraphModel): string {
  const [first, last] = [before.facts[0], after.facts[0]];
  const change = (was: number, is: number, text: (n: number) => string): string => (was === is ? "same" : text(is));
  let was = { nodes: first?.ops ?? 0, macs: first?.macs ?? 0 };
  const rows = passes.flatMap((pass, i) => {
    const fired = Object.entries(pass.counts).filter(([, n]) => n > 0);
    if (fired.length === 0) return [];
    const cells = [change(was.nodes, pass.nodes, String), change(was.macs, pass.macs, quantityText)];
    was = pass;
    const rules = fired.map(([rule, n]) => `<li><code>${escapeHtml(rule)}</code> ${timesText(n)}</li>`).join("");
    return [
      `<tr><td class="n">${i + 1}</td><th scope="row">${escapeHtml(pass.pass)}</th><td><ul class="rules">${rules}</ul></td>${cells.map((text) => `<td class="n">${text}</td>`).join("")}</tr>`,
    ];
  });
  const idle = passes.flatMap(({ pass, counts }) => (Object.values(counts).every((n) => n === 0) ? [pass] : []));
  return `<section id="panel-passes" role="tabpanel" tabindex="-1">
<h2>Passes of ${escapeHtml(level)}</h2>
<p class="hint">In the order in which they ran. Operations and MACs are what a pass left to run.</p>
<div class="scroll" role="region" aria-label="Passes" tabindex="0"><table>
<thead><tr><th scope="col" class="n">#</th><th scope="col">Pass</th><th scope="col" title="How often the pass applied the rule">Rules applied</th><th scope="col" class="n">Operations</th><th scope="col" class="n">MACs</th></tr></thead>
<tbody>
<tr><td></td><th scope="row">before, as timm defines it</th><td></td><td class="n">${first?.ops ?? 0}</td><td class="n">${quantityText(first?.macs ?? 0)}</td></tr>
${rows.join("\n")}
<tr class="sum"><td></td><th scope="row">after</th><td></td><td class="n">${last?.ops ?? 0}</td><td class="n">${quantityText(last?.macs ?? 0)}</td></tr>
</tbody></table></div>
${idle.length === 0 ? "" : `<p class="hint">Nothing to do: ${escapeHtml(idle.join(", "))}.</p>`}
<div class="needs-script"><h2>By module</h2><div id="by-module"></div></div>
</section>`;
}

function tapsPanel(data: PageData, before: GraphModel): string {
  const cost = ({ outputs }: TapChoice): string[] => {
    const { macs, params } = costOf(outputs.flatMap(({ row }) => before.values[row] ?? []));
    return [quantityText(macs), quantityText(params)];
  };
  const rows = data.taps.choices
    .filter((c) => c.outputs.length > 0 && c.kind !== "module")
    .map((c) => stageRow(c, cost(c)));
  const refused = data.taps.choices.filter((c) => c.refused !== undefined);
  return `<section id="panel-taps" role="tabpanel" tabindex="-1">
<h2>Choose outputs</h2>
<p class="hint">Stages and calls as timm names them. MACs and parameters are what everything up to a tap costs; taps share what they have in common.</p>
${listToggles(data.taps.choices)}
<div class="scroll" role="region" aria-label="Taps" tabindex="0"><table id="stages" aria-label="Taps that this network has">
<thead><tr>${stageColumns.map(([title, numeric]) => `<th scope="col"${numeric ? ' class="n"' : ""}>${title}</th>`).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>
${refused.length === 0 ? "" : `<ul class="notices">${refused.map((c) => tag("li", `${c.tap}: ${c.refused ?? ""}`)).join("")}</ul>`}
<div class="needs-script">
<p class="hint">* what the tap <code>features</code> selects. Any other module can be an output, too:</p>
<div class="bar"><label>Module <input id="module-field" list="module-names" aria-describedby="module-error" autocomplete="off" spellcheck="false"></label><datalist id="module-names"></datalist><button type="button" id="module-add">Add</button></div>
<p id="module-error" class="error" role="alert"></p>
<ul id="added" aria-label="Modules chosen"></ul>
<h2>What you get</h2>
<div class="scroll" id="outputs" role="region" aria-label="Outputs" tabindex="0"></div>
<h3 id="cost-title">Cost up to the last tap</h3>
<dl id="cost" aria-labelledby="cost-title"></dl>
<div id="commands">
<h2>Compile it</h2>
<div class="bar"><label>Folder <input id="out-field" autocomplete="off" spellcheck="false"></label></div>
<h3>Command line</h3>
<pre tabindex="0" aria-label="Command line"><code id="command"></code></pre>
<h3>Library</h3>
<pre tabindex="0" aria-label="Library call"><code id="call"></code></pre>
</div>
</div>
</section>`;
}

/** Rows that the page lists on request: a network has one of each per block. */
const listed = [
  ["prefix", "Class and register tokens"],
  ["attention", "Attention maps"],
] as const;

function listToggles(choices: readonly TapChoice[]): string {
  const toggles = listed
    .filter(([kind]) => choices.some((choice) => choice.kind === kind))
    .map(([kind, title]) => `<label><input type="checkbox" name="list" value="${kind}"> ${title}</label>`);
  return toggles.length === 0 ? "" : `<div class="bar needs-script"><span>List, too:</span>${toggles.join("")}</div>`;
}

const stageColumns = [
  ["Tap", false],
  ["Module", false],
  ["Shape", false],
  ["Channels", true],
  ["Reduction", true],
  ["Format", false],
  ["Output", true],
  ["MACs", true],
  ["Params", true],
] as const;

function stageRow(choice: TapChoice, costs: readonly string[]): string {
  const { tap, kind, outputs, isDefault } = choice;
  const [first] = outputs;
  const bytes = outputs.reduce<number | null>((sum, o) => (sum === null || o.bytes === null ? null : sum + o.bytes), 0);
  const all = (of: (output: TapOutput) => string): string => escapeHtml([...new Set(outputs.map(of))].join(" "));
  const numbers = [bytesText(bytes), ...costs];
  return `<tr${attribute("class", kind)}><th scope="row"><label><input type="checkbox" name="tap"${attribute("value", tap)}> <code>${escapeHtml(tap)}</code>${isDefault === true ? ' <span title="selected by the tap features">*</span>' : ""}</label></th><td>${escapeHtml(first?.module ?? "")}</td><td><code>${all((o) => `[${o.shape}]`)}</code></td><td class="n">${first?.channels ?? ""}</td><td class="n">${first?.reduction ?? ""}</td><td>${first?.format ?? ""}${first?.norm === true ? ", normed" : ""}</td>${numbers.map((text) => `<td class="n">${text}</td>`).join("")}</tr>`;
}
