import { attribute, escapeHtml, tag } from "../html.ts";
import { type KernelReport, type KernelStep, type TensorKind, tensorKinds } from "../kernel-facts.ts";
import { arenaPicture } from "./arena-picture.ts";
import { bytesText, countText, quantityText } from "./browser/units.js";
import { columnKeys } from "./browser/kernels.js";

const targetNames = { webgpu: "WebGPU", cuda: "CUDA" } as const;

/** The kernels of a target as a table, and the arena as a picture; both can be read without the script. */
export function kernelsPanel(report: KernelReport): string {
  const { target, precision, batch, steps, totals, arena } = report;
  return `<section id="panel-kernels" role="tabpanel" tabindex="-1">
<h2>Memory over time</h2>
<p class="hint">${escapeHtml(arenaText(report))}</p>
${arenaPicture(report)}
<ul class="kinds" aria-label="Colours">${kindsOf(report)
    .map((kind) => `<li><span class="swatch ${kind}"></span>${kindTexts[kind]}</li>`)
    .join("")}<li><span class="swatch output"></span>an output, framed</li></ul>
<p id="tensor-facts" class="needs-script">Point at a tensor, or move with the arrow keys: its name, bytes and steps stand here.</p>
<h2>${countText(steps.length, "kernel")} for ${targetNames[target]} in ${precision} at batch ${batch}</h2>
<div class="bar needs-script"><label>Filter <input id="kernel-filter" type="search" aria-controls="kernels" placeholder="Module or operation" autocomplete="off" spellcheck="false"></label><span id="kernel-count" class="kind"></span></div>
<div class="scroll" id="kernel-scroll" role="region" aria-label="Kernels" tabindex="0"><table id="kernels">
<thead><tr>${columns.map((column, i) => headCell(column, columnKeys[i] ?? "")).join("")}</tr></thead>
<tbody>
${steps.map(stepRow).join("\n")}
</tbody>
<tfoot><tr class="sum"><td></td><th scope="row">total</th><td></td><td></td><td></td>${costCells(totals)}<td></td><td></td></tr></tfoot>
</table></div>
<p class="hint">Bytes of distinct elements in the device's memory. ${arena.tensors.length} tensors share the arena; weights have a buffer of their own.</p>
</section>`;
}

/** Whether it can be sorted is said by the script, which makes buttons of the titles. */
const columns = [
  { title: "#", numeric: true, hint: "The order in which they run" },
  { title: "Stores", numeric: false, hint: "The value that the kernel writes, by its module" },
  { title: "Computes", numeric: false, hint: "Its operations in order" },
  { title: "Grid", numeric: true, hint: "Workgroups" },
  { title: "Threads", numeric: true, hint: "Of one workgroup" },
  { title: "Read", numeric: true, hint: "Bytes of tensors" },
  { title: "Weights", numeric: true, hint: "Bytes of weights" },
  { title: "Written", numeric: true, hint: "Bytes of tensors" },
  { title: "FLOPs", numeric: true, hint: "Arithmetic on numbers, a multiply-accumulate is two" },
  { title: "FLOPs/B", numeric: true, hint: "FLOPs for each byte that is read or written" },
  { title: "Shared", numeric: true, hint: "Memory of a workgroup" },
  { title: "Bindings", numeric: true, hint: "Buffers that the kernel is given" },
] as const;

const headCell = ({ title, numeric, hint }: (typeof columns)[number], key: string): string =>
  `<th scope="col"${numeric ? ' class="n"' : ""}${attribute("data-key", key)}${attribute("title", hint)}>${title}</th>`;

function stepRow(s: KernelStep): string {
  const bindings = s.bindings.map((b) => `${b.access} ${b.memory} at ${b.offset}, ${bytesText(b.bytes)}`).join("\n");
  const number = (text: string | number): string => `<td class="n">${text}</td>`;
  return `<tr id="kernel-${s.step}">${number(s.step)}<th scope="row"><code>${escapeHtml(s.name)}</code></th>${tag("td", s.computes.join(" + "))}${number(s.grid.join("×"))}${number(s.threads)}${costCells(s)}${number(s.workgroup_bytes === 0 ? "–" : bytesText(s.workgroup_bytes))}<td class="n"${attribute("title", bindings)}>${s.bindings.length}</td></tr>`;
}

function costCells(of: Pick<KernelStep, "bytes_read" | "weight_bytes" | "bytes_written" | "flops">): string {
  const moved = of.bytes_read + of.weight_bytes + of.bytes_written;
  const ratio = moved === 0 ? 0 : of.flops / moved;
  return [
    bytesText(of.bytes_read),
    bytesText(of.weight_bytes),
    bytesText(of.bytes_written),
    quantityText(of.flops),
    ratio.toFixed(ratio < 9.95 ? 1 : 0),
  ]
    .map((text) => `<td class="n">${text}</td>`)
    .join("");
}

const kindTexts: { readonly [K in TensorKind]: string } = {
  input: "input",
  convolution: "convolution",
  depthwise: "depthwise convolution",
  product: "linear or matrix product",
  attention: "attention",
  norm: "norm or softmax",
  pool: "pooling or mean",
  elementwise: "element by element",
};

const kindsOf = ({ arena }: KernelReport): readonly TensorKind[] =>
  tensorKinds.filter((kind) => arena.tensors.some((t) => t.kind === kind));

function arenaText({ arena: { bytes, lower_bound: bound, tensors } }: KernelReport): string {
  const most = `the most that is alive at one step is ${bytesText(bound)}`;
  const end = bytes === bound ? "and no arena is smaller" : `the arena has ${(bytes / bound).toFixed(2)} of it`;
  return `${countText(tensors.length, "tensor")} in ${bytesText(bytes)}: ${most}, ${end}. One box is one tensor, from the step that stores it to the last that reads it.`;
}
