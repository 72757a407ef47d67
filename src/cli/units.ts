/** Three digits, as far as a fraction gives them. */
const round = (value: number): string => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

function steps(units: readonly string[], base: number, n: number): string {
  let value = n;
  let power = 0;
  while (power < units.length - 1 && Number(round(value)) >= base) {
    value /= base;
    power++;
  }
  return `${power === 0 ? value : round(value)} ${units[power]}`.trimEnd();
}

/** 25557032 -> `25.6 M`: parameters, multiply-accumulates. */
export const quantity = (n: number): string => steps(["", "k", "M", "G", "T", "P"], 1000, n);

/** 102230000 -> `97.5 MiB`. */
export const byteQuantity = (n: number): string => steps(["B", "KiB", "MiB", "GiB", "TiB"], 1024, n);

/** `[N,3,224,224]` */
export const shapeText = (shape: readonly (number | string | null)[]): string =>
  `[${shape.map((d) => d ?? "N").join(",")}]`;
