/**
 * One version of one operator, in the notation of the tables beside this file.
 *
 * `io`, `X:T B:T? parts:T* -> Y:T`: operands and results with their types, a type variable or a dtype; `?` optional,
 * `*` one or more.
 * `types`, `T=float U=f32|bf16<stash_type`: what a variable ranges over: a named set, or dtypes and sets joined by `|`.
 * A result's variable that no operand binds takes its dtype from the first of the sources after `<` that is there: an
 * attribute with a dtype code, a tensor or `NAME:DTYPE` (an attribute that implies a dtype), another variable, a dtype.
 * `attributes`, `axis:int! mode:string=edge|wrap`: kinds; `!` required; after `=` the only values.
 * `oneOf`, `scales|sizes`: operands and attributes of which exactly one is given.
 */
export interface Row {
  readonly io: string;
  readonly types: string;
  readonly attributes: string;
  readonly oneOf: string;
}

export const row = (io: string, types = "", attributes = "", oneOf = ""): Row => ({ io, types, attributes, oneOf });

/**
 * Operator name to rows by the opset that brought them (since_version), from the one in force at opset 17 to opset 23. An opset that
 * only adds types which timmc does not write (strings, complex and 8-bit floats) has no row.
 */
export type OpTable = Readonly<Record<string, Readonly<Record<number, Row>>>>;

/** Opset 22 gave bfloat16 to the operators that still lacked it, and changed nothing else about them. */
export const widenedAt22 = (since: number, io: string, attributes = ""): Readonly<Record<number, Row>> => ({
  [since]: row(io, "T=ieee", attributes),
  22: row(io, "T=float", attributes),
});

/** A flag is an integer of which the schema defines 0 and 1. */
export const flags = (names: string): string =>
  names
    .split(" ")
    .map((name) => `${name}:int=0|1`)
    .join(" ");
