import { attribute, escapeHtml, tag } from "../html.ts";

/** A variant in a picture. */
export interface Point {
  readonly name: string;
  /** The row that it stands for. */
  readonly row: string;
  /** Both above 0. */
  readonly x: number;
  readonly y: number;
  /** What its mark says. */
  readonly group: string;
  /** Its numbers in words. */
  readonly words: string;
}

interface Axis {
  readonly title: string;
  readonly text: (value: number) => string;
}

interface Scatter {
  readonly title: string;
  readonly points: readonly Point[];
  /** All groups, in the order of their marks. */
  readonly groups: readonly string[];
  readonly x: Axis;
  readonly y: Axis;
}

const [width, height] = [440, 300];
const frame = { left: 62, right: 12, top: 12, bottom: 46 };

/** Marks differ in form and not in colour alone; around 0, with a radius of 4. */
const marks = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
  "M-3.5,-3.5h7v7h-7Z",
  "M0,-5L4.6,3.6H-4.6Z",
  "M0,-5L5,0L0,5L-5,0Z",
  "M0,5L4.6,-3.6H-4.6Z",
  "M-1.5,-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z",
] as const;

/**
 * Points on two logarithmic axes as SVG: empty for fewer than two. The table has the same numbers, so to a screen reader
 * the picture is one image with a name.
 */
export function scatter({ title, points, groups, x, y }: Scatter): string {
  if (points.length < 2) return "";
  const across = scale(
    points.map((p) => p.x),
    [frame.left, width - frame.right],
    56,
  );
  const up = scale(
    points.map((p) => p.y),
    [height - frame.bottom, frame.top],
    18,
  );
  const bottom = height - frame.bottom;
  const vertical = across.ticks.map(
    ({ value, at }) =>
      `<path class="grid" d="M${at},${frame.top}V${bottom}"/><text x="${at}" y="${bottom + 16}" text-anchor="middle">${escapeHtml(x.text(value))}</text>`,
  );
  const horizontal = up.ticks.map(
    ({ value, at }) =>
      `<path class="grid" d="M${frame.left},${at}H${width - frame.right}"/><text x="${frame.left - 6}" y="${at + 4}" text-anchor="end">${escapeHtml(y.text(value))}</text>`,
  );
  const drawn = points.map((point) => {
    const mark = groups.indexOf(point.group) % marks.length;
    const place = `translate(${across.at(point.x)} ${up.at(point.y)})`;
    return `<a${attribute("href", `#${point.row}`)} tabindex="-1"><path class="mark m${mark}" d="${marks[mark]}" transform="${place}"${attribute("data-row", point.row)}>${tag("title", `${point.name}: ${point.words}`)}</path></a>`;
  });
  return `<figure>
<figcaption>${escapeHtml(title)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img"${attribute("aria-label", `${title}; the table has the numbers`)}>
${[...vertical, ...horizontal].join("\n")}
<text x="${(frame.left + width - frame.right) / 2}" y="${height - 8}" text-anchor="middle">${escapeHtml(x.title)}</text>
<text x="14" y="${(frame.top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 14 ${(frame.top + bottom) / 2})">${escapeHtml(y.title)}</text>
${drawn.join("\n")}
</svg>
${legend(groups, points)}</figure>`;
}

/** What the marks stand for, where there are several. */
function legend(groups: readonly string[], points: readonly Point[]): string {
  const used = groups.filter((group) => points.some((point) => point.group === group));
  if (used.length < 2) return "";
  const entries = used.map((group) => {
    const mark = groups.indexOf(group) % marks.length;
    return `<li><svg viewBox="-6 -6 12 12" width="14" height="14" aria-hidden="true"><path class="mark m${mark}" d="${marks[mark]}"/></svg>${escapeHtml(group)}</li>`;
  });
  return `<ul class="legend">${entries.join("")}</ul>\n`;
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly { readonly value: number; readonly at: number }[];
}

/**
 * Where values lie between two places, by their logarithms, with a margin; ticks are round numbers, as many as have `gap`
 * between them for their texts.
 */
function scale(values: readonly number[], [from, to]: readonly [number, number], gap: number): Scale {
  const logs = values.map(Math.log10);
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const margin = Math.max(0.08 * (high - low), 0.05);
  const [first, last] = [low - margin, high + margin];
  const at = (value: number): number =>
    Number((from + ((Math.log10(value) - first) / (last - first)) * (to - from)).toFixed(1));
  const decades = Array.from({ length: Math.ceil(last) - Math.floor(first) + 1 }, (_, i) => Math.floor(first) + i);
  const within = (value: number): boolean => Math.log10(value) >= first && Math.log10(value) <= last;
  const roundNumbers = (steps: readonly number[], every = 1): number[] =>
    decades
      .filter((_, i) => i % every === 0)
      .flatMap((d) => steps.map((step) => Number(`${step}e${d}`)))
      .filter(within);
  const isLegible = (ticks: readonly number[]): boolean =>
    ticks.every((tick, i) => i === 0 || Math.abs(at(tick) - at(ticks[i - 1] ?? tick)) >= gap);
  const choices = [
    [1, 1.5, 2, 3, 5, 7],
    [1, 2, 3, 5, 7],
    [1, 2, 5],
    [1, 3],
  ].map((steps) => roundNumbers(steps));
  const most = Math.abs(to - from) / gap;
  const decimal = roundNumbers([1], Math.max(1, Math.ceil(((last - first) * 1.01) / most)));
  const ticks = choices.find((some) => some.length > 0 && isLegible(some)) ?? decimal;
  return { at, ticks: ticks.map((value) => ({ value, at: at(value) })) };
}
