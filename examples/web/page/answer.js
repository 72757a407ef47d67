// What a run gave: names, times, kernels.
import { byId, element } from "./view.js";

/** The five largest; gives the first one's name. @param {ArrayLike<number>} shares @param {(string | null)[] | null} names */
export function showLabels(shares, names) {
  const all = Array.from(shares, (share, i) => ({ share, name: names?.[i] ?? `class ${i}` }));
  const top = all.toSorted((a, b) => b.share - a.share).slice(0, 5);
  const rows = top.map(({ name, share }) => {
    const bar = element("span", { className: "bar", ariaHidden: "true" }, element("span"));
    bar.style.setProperty("--share", String(share));
    const text = `${(100 * share).toFixed(1)} %`;
    return element("li", {}, element("span", {}, name), bar, element("span", { className: "share" }, text));
  });
  byId("labels", HTMLOListElement).replaceChildren(...rows);
  byId("results", HTMLElement).hidden = false;
  return top[0]?.name ?? "";
}

const ms = (/** @type {number} */ time, digits = 1) => `${time.toFixed(digits)} ms`;

/** @param {readonly (readonly [string, number])[]} times */
export function showTimes(times) {
  const rows = times.flatMap(([name, time]) => [element("dt", {}, name), element("dd", {}, ms(time))]);
  byId("times", HTMLDListElement).replaceChildren(...rows);
}

/** @param {readonly { readonly name: string, readonly ms: number }[] | undefined} steps none where the device has no clock */
export function showKernels(steps = []) {
  const row = (/** @type {string} */ name, /** @type {string} */ time) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, time));
  const sorted = steps.toSorted((a, b) => b.ms - a.ms).map((step) => row(step.name, ms(step.ms, 3)));
  byId("kernel-times", HTMLTableElement).replaceChildren(...sorted);
  byId("kernels", HTMLDetailsElement).hidden = steps.length === 0;
}
