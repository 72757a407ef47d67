import { CommanderError } from "commander";
import { printableLine, printableLines } from "../frontend/printable.ts";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import type { Shell } from "./shell.ts";

/** Exit statuses; the help prints them. */
export const exitStatus = { success: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Tells the user what went wrong, on stderr, and gives the exit status. A stack is for `--debug` alone. */
export function report(error: unknown, shell: Shell, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.success : exitStatus.usage;
  if (wasInterrupted(error, shell)) {
    shell.log("timmc: interrupted");
    return exitStatus.interrupted;
  }
  const known = error instanceof TimmcError;
  const text = known
    ? shown(error).describe()
    : `internal error: ${printableLines(messageOf(error))}; please report it`;
  shell.log(`${shell.errorColors.red("timmc:")} ${text}`);
  if (debug && error instanceof Error) shell.log(stackOf(error));
  return known && error.code === "usage" ? exitStatus.usage : exitStatus.failed;
}

/** What of an error comes from files may be anything: places are one line each, and nothing obeys a terminal but line ends of messages. */
const shown = ({ code, message, trail, hint }: TimmcError): TimmcError =>
  new TimmcError(code, printableLines(message), {
    trail: trail.map(printableLine),
    hint: hint === undefined ? undefined : printableLines(hint),
  });

/** A run that was told to stop may end in any error: `AbortError`, or one of ours. */
const wasInterrupted = (error: unknown, { signal }: Shell): boolean =>
  error instanceof TimmcError
    ? error.code === "interrupted"
    : signal.aborted && error instanceof Error && error.name === "AbortError";

/** The stack, and those of the causes. */
const stackOf = (error: Error): string =>
  [error.stack ?? String(error), ...(error.cause instanceof Error ? [`caused by ${stackOf(error.cause)}`] : [])].join(
    "\n",
  );
