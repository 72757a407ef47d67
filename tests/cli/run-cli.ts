import { runCommandLine } from "../../src/cli/main.ts";
import { type Shell, createShell } from "../../src/cli/shell.ts";

export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly isTerminal?: boolean;
  readonly color?: boolean;
  readonly signal?: AbortSignal;
}

/** A shell that keeps what is written. */
export function recordingShell({ isTerminal = false, color = false, signal }: Surroundings = {}): {
  readonly shell: Shell;
  readonly written: { out: string; err: string };
} {
  const written = { out: "", err: "" };
  const shell = createShell({
    stdout: { write: (text) => void (written.out += text), isTerminal },
    stderr: { write: (text) => void (written.err += text), isTerminal },
    signal: signal ?? new AbortController().signal,
    color,
  });
  return { shell, written };
}

/** Runs the command line in this process. */
export async function cli(args: readonly string[], surroundings?: Surroundings): Promise<Ended> {
  const { shell, written } = recordingShell(surroundings);
  const status = await runCommandLine(args, shell);
  return { status, ...written };
}

/** What `--json` printed; fails where that is not one document alone. */
export async function cliJson(...args: readonly string[]): Promise<unknown> {
  const { status, out, err } = await cli([...args, "--json"]);
  if (status !== 0) throw new Error(`exit ${status}: ${err}`);
  return JSON.parse(out) as unknown;
}
