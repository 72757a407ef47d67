import { Command, CommanderError } from "commander";
import { TimmcError } from "../ir/error.ts";

/** Runs the command line and gives the exit status: 0 success, 1 a failed task, 2 wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  const program = await buildProgram();
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    return report(error, args.includes("--debug"));
  }
}

async function buildProgram(): Promise<Command> {
  const program = new Command("timmc")
    .description("Compiles timm image models ahead of time: no Python, no PyTorch.")
    .exitOverride()
    .showSuggestionAfterError()
    .option("--debug", "show the stack of an error");
  const { inspectCommand } = await import("./commands/inspect.ts");
  const { compileCommand } = await import("./commands/compile.ts");
  for (const make of [inspectCommand, compileCommand]) program.addCommand(make().exitOverride());
  return program;
}

function report(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof TimmcError)) throw error;
  process.stderr.write(`timmc: ${debug ? (error.stack ?? error.describe()) : error.describe()}\n`);
  return error.code === "usage" ? 2 : 1;
}
