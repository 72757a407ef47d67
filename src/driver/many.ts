/** A list of at least one. */
export type Many<T> = readonly [T, ...T[]];

export const mapMany = <A, B>([first, ...others]: Many<A>, change: (entry: A) => B): Many<B> => [
  change(first),
  ...others.map(change),
];
