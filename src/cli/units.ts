const steps = (units: readonly string[], base: number, n: number): string => {
  const power = n < base ? 0 : Math.min(units.length - 1, Math.floor(Math.log(n) / Math.log(base)));
  const value = n / base ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[power]}`.trimEnd();
};

/** 25557032 -> `25.6 M`: parameters, multiply-accumulates. */
export const quantity = (n: number): string => steps(["", "k", "M", "G", "T", "P"], 1000, n);

/** 102230000 -> `97.5 MiB`. */
export const byteQuantity = (n: number): string => steps(["B", "KiB", "MiB", "GiB", "TiB"], 1024, n);

/** `[N,3,224,224]` */
export const shapeText = (shape: readonly (number | string | null)[]): string =>
  `[${shape.map((d) => d ?? "N").join(",")}]`;
