/** Interpolation written a second time, from torch's description: half-pixel centres, one axis after the other. */

export interface Filter {
  readonly mode: "bilinear" | "bicubic";
  readonly antialias: boolean;
}

/** Keys' cubic convolution; -0.75 in torch, -0.5 in Pillow and with antialiasing. */
function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1;
  return x < 2 ? a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a : 0;
}

/** One output of a signal: a weighted mean over the support, or the two or four neighbours with the border repeated. */
function sample(signal: readonly number[], to: number, o: number, { mode, antialias }: Filter): number {
  const scale = signal.length / to;
  const at = (i: number): number => signal[Math.min(Math.max(i, 0), signal.length - 1)] ?? 0;
  if (antialias) {
    const stretch = Math.max(scale, 1);
    const support = (mode === "bicubic" ? 2 : 1) * stretch;
    const centre = scale * (o + 0.5);
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support + 0.5), signal.length);
    let [sum, total] = [0, 0];
    for (let i = first; i < last; i++) {
      const distance = (i - centre + 0.5) / stretch;
      const weight = mode === "bicubic" ? cubic(distance, -0.5) : Math.max(0, 1 - Math.abs(distance));
      sum += weight * at(i);
      total += weight;
    }
    return sum / total;
  }
  const source = scale * (o + 0.5) - 0.5;
  if (mode === "bilinear") {
    const clamped = Math.max(source, 0);
    const left = Math.floor(clamped);
    return at(left) * (1 - (clamped - left)) + at(left + 1) * (clamped - left);
  }
  const left = Math.floor(source);
  return [-1, 0, 1, 2].reduce((sum, k) => sum + cubic(source - left - k, -0.75) * at(left + k), 0);
}

/** Rows of a picture at another size. */
export function resized(
  picture: readonly (readonly number[])[],
  [rows, columns]: readonly [number, number],
  filter: Filter,
): number[][] {
  const line = (signal: readonly number[], to: number): number[] =>
    Array.from({ length: to }, (_, o) => sample(signal, to, o, filter));
  const wide = picture.map((row) => line(row, columns));
  const tall = Array.from({ length: columns }, (_, x) =>
    line(
      wide.map((row) => row[x] ?? 0),
      rows,
    ),
  );
  return Array.from({ length: rows }, (_, y) => tall.map((column) => column[y] ?? 0));
}
