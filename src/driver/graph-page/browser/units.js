// Numbers as people read them; as the command line prints them.

const round = (/** @type {number} */ value) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

/**
 * @param {readonly string[]} units
 * @param {number} base
 * @param {number} n
 */
function steps(units, base, n) {
  let value = n;
  let power = 0;
  while (power < units.length - 1 && Number(round(value)) >= base) {
    value /= base;
    power += 1;
  }
  return `${power === 0 ? value : round(value)} ${units[power] ?? ""}`.trimEnd();
}

/** 25557032 is `25.6 M`: parameters, multiply-accumulates. */
export const quantityText = (/** @type {number} */ n) => steps(["", "k", "M", "G", "T", "P"], 1000, n);

/** 102230000 is `97.5 MiB`. */
export const bytesText = (/** @type {number | null} */ n) =>
  n === null || n < 0 ? "unknown" : steps(["B", "KiB", "MiB", "GiB", "TiB"], 1024, n);

/**
 * @param {number} part
 * @param {number} whole
 */
export function shareText(part, whole) {
  if (part === 0 || whole === 0) return "0 %";
  const percent = (100 * part) / whole;
  return percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(percent < 9.95 || (percent > 99 && percent < 100) ? 1 : 0)} %`;
}

/**
 * One op, two ops.
 *
 * @param {number} n
 * @param {string} word
 */
export const countText = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** How often: once, 2 times. */
export const timesText = (/** @type {number} */ n) => (n === 1 ? "once" : `${n} times`);

/**
 * What something was and is; once where that is the same to a reader.
 *
 * @param {number} was
 * @param {number} is
 * @param {(n: number) => string} text
 */
export const changeText = (was, is, text) => (text(was) === text(is) ? text(is) : `${text(was)} → ${text(is)}`);
