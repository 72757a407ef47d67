import type { Refuse } from "../file.ts";
import type { Cursor } from "./cursor.ts";
import { Machine, type Meaning } from "./machine.ts";
import { opcodes } from "./opcodes.ts";
import type { Value } from "./values.ts";

/** Bounds on one pickle: with those on its objects, a hostile file of any size costs some 200 MB and some seconds. */
const MAX_BYTES = 1 << 26;
const MAX_STEPS = 5_000_000;

const PROTO = 0x80;
const STOP = 0x2e;

/**
 * Reads one pickle from the cursor, which then stands behind its STOP. Names are never looked up and nothing is run:
 * `meaning` says what data a call stands for, or refuses it.
 */
export function unpickle(cursor: Cursor, meaning: Meaning, refuse: Refuse): Value {
  const machine = new Machine(cursor, meaning, refuse);
  if (cursor.u8() !== PROTO) refuse("what should be a pickle does not begin as one of protocol 2 or later");
  const protocol = cursor.u8();
  if (protocol < 2 || protocol > 5) refuse(`pickle protocol ${protocol} is not one of 2 to 5`);
  const begin = cursor.position;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (cursor.position - begin > MAX_BYTES) refuse(`the pickle is longer than ${MAX_BYTES} bytes`);
    const code = cursor.u8();
    if (code === STOP) return machine.result();
    const run = opcodes[code] ?? refuse(`the pickle has the opcode ${printCode(code)}, which weights do not need`);
    run(machine);
  }
  return refuse(`the pickle has more than ${MAX_STEPS} steps`);
}

function printCode(code: number): string {
  const hex = `0x${code.toString(16).padStart(2, "0")}`;
  return code > 0x20 && code < 0x7f ? `\`${String.fromCharCode(code)}\` (${hex})` : hex;
}
