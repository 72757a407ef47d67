/** A tensor's name and shape: an entry of a file that no parameter takes, or a parameter that no entry fits. */
export interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Names beyond this are no parameters: they take no part in a diagnosis. */
export const maxNameLength = 300;

/** Entries of one side that a diagnosis looks at. */
export const maxEntries = 20_000;

export const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
