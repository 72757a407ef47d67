import { escapeHtml } from "../html.ts";
import type { ArenaTensor, KernelReport } from "../kernel-facts.ts";
import { bytesText } from "./browser/units.js";
import { tensorText } from "./browser/kernels.js";

/** Pixels of a step at least, so that a long network scrolls instead of vanishing. */
const leastStep = 4;

/**
 * The arena over time as SVG: steps from left to right, bytes from below, a box for each tensor. It is stretched to the width that there
 * is, so lines have the width of the screen and all text is outside of it.
 */
export function arenaPicture({ steps, arena }: KernelReport): string {
  const { bytes, lower_bound: bound, tensors } = arena;
  const [first, last] = [-1, steps.length + 1];
  const width = last - first;
  const top = Math.max(1, bytes);
  const box = (t: ArenaTensor, i: number): string =>
    `<rect class="tensor ${t.kind}${t.output ? " output" : ""}" role="option" aria-selected="false" tabindex="${i === 0 ? 0 : -1}" data-tensor="${i}" x="${t.from}" y="${top - t.offset - t.bytes}" width="${t.to - t.from + 1}" height="${t.bytes}"><title>${escapeHtml(tensorText(t, steps.length))}</title></rect>`;
  return `<figure class="arena">
<div class="bytes" aria-hidden="true">${marks(top)
    .map((at) => `<span style="bottom:${percent(at, top)}">${bytesText(at)}</span>`)
    .join("")}</div>
<div class="scroll" role="region" aria-label="Arena" tabindex="-1"><div class="time" style="min-width:${width * leastStep}px"><div class="plane">
<svg id="arena" role="listbox" aria-label="Tensors of the arena: left and right move in the order of the steps, up and down in memory, Enter shows the kernel" viewBox="${first} 0 ${width} ${top}" preserveAspectRatio="none">
<rect id="arena-step" x="0" y="0" width="0" height="${top}"/>
${tensors.map(box).join("\n")}
</svg>
<div class="bound" style="bottom:${percent(bound, top)}"><span>lower bound ${bytesText(bound)}</span></div></div>
<div class="steps" aria-hidden="true">${stepMarks(steps.length)
    .map((at) => `<span style="left:${percent(at - first + 0.5, width)}">${at}</span>`)
    .join("")}</div>
</div></div>
<figcaption>Steps from left to right, bytes of the arena from below</figcaption>
</figure>`;
}

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(3)}%`;

/** Round numbers of bytes up to the whole, four to eight of them. */
function marks(bytes: number): number[] {
  const step = 2 ** Math.floor(Math.log2(Math.max(4, bytes / 4)));
  return Array.from({ length: Math.floor(bytes / step) + 1 }, (_, i) => i * step);
}

/** Ten at most, at round numbers. */
function stepMarks(steps: number): number[] {
  const distance = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((d) => steps / d <= 10) ?? steps;
  return Array.from({ length: Math.ceil(steps / distance) }, (_, i) => i * distance);
}
