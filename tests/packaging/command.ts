import { execFile } from "node:child_process";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a person's shell: npm tells its own settings to the scripts that it runs. */
const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:npm_|INIT_CWD$|NODE_ENV$|VITEST)/i.test(name)),
  );

/** Runs a command to its end. */
export const command = (
  file: string,
  args: readonly string[],
  { cwd = root, env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Result> =>
  new Promise((resolve) => {
    const settings = {
      cwd,
      env: { ...environment(), ...env },
      maxBuffer: 2 ** 26,
      shell: process.platform === "win32",
    };
    execFile(file, args, settings, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : 1, stdout, stderr });
    });
  });

export const node = (args: readonly string[], cwd = root): Promise<Result> => command(process.execPath, args, { cwd });
