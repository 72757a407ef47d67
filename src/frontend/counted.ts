/** `1 output`, `3 outputs`, `2 entries`. */
export const counted = (n: number, one: string, several = `${one}s`): string => `${n} ${n === 1 ? one : several}`;
