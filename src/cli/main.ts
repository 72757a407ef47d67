import { Command, CommanderError } from "commander";
import { version } from "../driver/version.ts";
import { benchCommand } from "./commands/bench.ts";
import { buildCommand } from "./commands/build.ts";
import { cacheCommand } from "./commands/cache.ts";
import { calibrateCommand } from "./commands/calibrate.ts";
import { compileCommand } from "./commands/compile.ts";
import { diffCommand } from "./commands/diff.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { infoCommand } from "./commands/info.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { listCommand } from "./commands/list.ts";
import { planCommand } from "./commands/plan.ts";
import { runCommand } from "./commands/run.ts";
import { tuneCommand } from "./commands/tune.ts";
import { verifyCommand } from "./commands/verify.ts";
import { familyHelp } from "./family-help.ts";
import { argumentHint } from "./options.ts";
import { exitStatus, report } from "./report.ts";
import { type Shell, processShell } from "./shell.ts";

/** Runs the command line in this process and gives the exit status: 0 success, 1 a failed task, 2 wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  const { shell, release } = processShell();
  try {
    return await runCommandLine(args, shell);
  } finally {
    release();
  }
}

/** The same with its surroundings given; it never throws. */
export async function runCommandLine(args: readonly string[], shell: Shell): Promise<number> {
  const debug = args.includes("--debug");
  const program = buildProgram(shell);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitStatus.success;
  } catch (error) {
    shell.status("");
    const isHelp = error instanceof CommanderError && error.code === "commander.helpDisplayed";
    return isHelp ? await finishHelp(program, shell, debug) : report(error, shell, debug);
  }
}

/**
 * A function per command. Their files import nothing but what describes the command; an action imports its driver
 * when it runs, so that the help answers at once.
 */
const commands: readonly ((shell: Shell) => Command)[] = [
  listCommand,
  infoCommand,
  inspectCommand,
  compileCommand,
  calibrateCommand,
  buildCommand,
  verifyCommand,
  runCommand,
  benchCommand,
  diffCommand,
  planCommand,
  tuneCommand,
  doctorCommand,
  cacheCommand,
];

const epilogue = `
MODEL is one of
  resnet50                a timm architecture with its default pretrained tag
  resnet50.a1_in1k        the same with a tag; timmc list shows both
  hf-hub:ORG/NAME         a Hub repository with timm's config.json; @REVISION may follow
  local-dir:FOLDER        a folder with timm's config.json and its weights

Examples:
  timmc list 'vit_*' --supported --sort top1
  timmc inspect resnet50
  timmc compile local-dir:shapes -o out --taps logits,features --verify
  timmc run out cat.jpg dog.jpg
  timmc doctor resnet50 --weights checkpoint.pth        why a file does not load
  timmc inspect swin_tiny_patch4_window7_224 --help     the model's own arguments

With --json a failure prints nothing on stdout; what went wrong is text on stderr, as without.

Exit status: 0 success, 1 the task failed, 2 wrong usage, 130 interrupted`;

function buildProgram(shell: Shell): Command {
  const program = new Command("timmc")
    .description("Compiles timm image models ahead of time: no Python, no PyTorch.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .option("--debug", "print the stack of an error")
    .helpCommand("help [COMMAND]", "the help of a command")
    .usage("COMMAND [OPTIONS]")
    .addHelpText("after", epilogue);
  share(program, shell);
  for (const make of commands) program.addCommand(share(make(shell), shell));
  return program;
}

/** Streams, errors and layout, alike in every command and in those below it. */
function share(command: Command, shell: Shell): Command {
  for (const below of command.commands) share(below, shell);
  return command
    .exitOverride()
    .helpOption("-h, --help", "print this help")
    .configureOutput({
      writeOut: (text) => shell.print(text.trimEnd()),
      writeErr: (text) => shell.log(text.trimEnd()),
      getOutHasColors: () => shell.colors.isColorSupported,
      getErrHasColors: () => shell.errorColors.isColorSupported,
      outputError: (text, write) =>
        write(`${text.trimEnd().replace(/^error:/, shell.errorColors.red("timmc:"))}${argumentHint(command, text)}\n`),
    })
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => shell.colors.bold(title) });
}

/** Behind a command's help come the arguments of the model that it names. */
async function finishHelp(program: Command, shell: Shell, debug: boolean): Promise<number> {
  try {
    const text = await familyHelp(program, shell);
    if (text !== undefined) shell.print(`\n${text}`);
    return exitStatus.success;
  } catch (error) {
    return report(error, shell, debug);
  }
}
