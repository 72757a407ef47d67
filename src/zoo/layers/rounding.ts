/** Python's round(): to the nearest integer, halves to the even one. Several width rules of timm depend on it. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The nearest multiple of the divisor that loses no more than 1 - roundLimit (timm's make_divisible). */
export function makeDivisible(v: number, divisor = 8, min = divisor, roundLimit = 0.9): number {
  const near = Math.max(min, Math.floor(Math.trunc(v + divisor / 2) / divisor) * divisor);
  return near < roundLimit * v ? near + divisor : near;
}
