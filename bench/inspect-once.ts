// A process of its own that inspects MODEL as on the command line and prints its CPU time in ms and its peak memory in KiB.
import { runCommandLine } from "../src/cli/main.ts";
import { createShell } from "../src/cli/shell.ts";

const silent = { isTerminal: false, write: () => {} };
const shell = createShell({ stdout: silent, stderr: silent, signal: new AbortController().signal, color: false });
process.exitCode = await runCommandLine(["inspect", process.argv[2] ?? ""], shell);
const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ cpu: (user + system) / 1000, peak: process.resourceUsage().maxRSS }));
