import type { Writable } from "node:stream";
import { format } from "node:util";
import pc from "picocolors";
import { printable, printableLine, printableLines } from "../frontend/printable.ts";

export type Colors = ReturnType<typeof pc.createColors>;

/** A place to write: the process's streams, or a test's. */
interface Stream {
  write(text: string): void;
  /** Whether a person looks on: colours and progress are for them alone. */
  readonly isTerminal: boolean;
  /** Columns of the terminal, where it is one and they are known. */
  readonly width?: number | undefined;
}

/**
 * What a command may touch of the world outside: results go to stdout, everything else to stderr, and the signal says
 * that the user wants it to stop.
 */
export interface Shell {
  readonly signal: AbortSignal;
  /** Colours for stdout; they do nothing where stdout is no terminal. */
  readonly colors: Colors;
  /** Colours for stderr. */
  readonly errorColors: Colors;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Columns that a line on stderr should keep to. */
  readonly stderrWidth: number;
  /** A line of the result on stdout, for people. */
  print(text: string): void;
  /** The one document of `--json`. */
  json(document: unknown): void;
  /** A line on stderr that stays. */
  log(text: string): void;
  /** Something that the user should know, on stderr. */
  note(text: string): void;
  /** What is being done: one line on stderr that the next one replaces, on a terminal only. `""` takes it away. */
  status(text: string): void;
}

interface ShellStreams {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly signal: AbortSignal;
  /** Whether colours are wanted on terminals. */
  readonly color: boolean;
}

/** Where no terminal says how wide it is. */
const defaultWidth = 100;

export function createShell({ stdout, stderr, signal, color }: ShellStreams): Shell {
  let shown = "";
  const status = (text: string): void => {
    if (!stderr.isTerminal || text === shown) return;
    shown = text;
    stderr.write(`\r\u001B[K${printableLine(text)}`);
  };
  const log = (text: string): void => {
    status("");
    stderr.write(`${text}\n`);
  };
  const print = (text: string): void => {
    status("");
    stdout.write(`${text}\n`);
  };
  const errorColors = pc.createColors(color && stderr.isTerminal);
  return {
    signal,
    colors: pc.createColors(color && stdout.isTerminal),
    errorColors,
    stdoutIsTerminal: stdout.isTerminal,
    stderrIsTerminal: stderr.isTerminal,
    stderrWidth: stderr.width ?? defaultWidth,
    print,
    // The escapes of `printable` are JSON's own, and without indentation there is nothing to escape outside of strings.
    json: (document) => print(printable(JSON.stringify(document))),
    log,
    note: (text) => log(`${errorColors.yellow("note:")} ${printableLines(text)}`),
    status,
  };
}

/** The shell of this process, and how to give its signal handlers back. */
interface ProcessShell {
  readonly shell: Shell;
  release(): void;
}

/** What ends a run that can still clean up: Ctrl-C, a polite kill, a closed terminal. */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Ctrl-C aborts the run's signal; pressed a second time, it ends the process as usual. */
export function processShell(): ProcessShell {
  const controller = new AbortController();
  const release = (): void => {
    for (const name of stopSignals) process.removeListener(name, stop);
  };
  const stop = (): void => {
    release();
    controller.abort();
  };
  for (const name of stopSignals) process.on(name, stop);
  for (const stream of [process.stdout, process.stderr]) stream.on("error", streamFailed);
  const { NO_COLOR, TERM } = process.env;
  const shell = createShell({
    stdout: streamOf(process.stdout),
    stderr: streamOf(process.stderr),
    signal: controller.signal,
    color: (NO_COLOR ?? "") === "" && TERM !== "dumb",
  });
  return { shell, release };
}

const streamOf = (stream: Writable & { readonly isTTY?: boolean; readonly columns?: number }): Stream => ({
  write: (text) => void stream.write(text),
  isTerminal: stream.isTTY === true,
  width: stream.isTTY === true ? stream.columns : undefined,
});

/** A reader that has seen enough (`| head`) is no failure; a full disk is one. */
function streamFailed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  try {
    process.stderr.write(format("timmc: cannot write the output: %s\n", error.message));
  } finally {
    process.exit(1);
  }
}
