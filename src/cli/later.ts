import { type Command, Option } from "commander";
import { TimmcError } from "../ir/error.ts";

/** Options that the documentation names and this version lacks, by command. */
const laterOptions = {
  inspect: ["--dynamic-size"],
  compile: ["--dynamic-size", "--calibration", "--max-error"],
} as const;

/** Refuses by its name what a later version will have: "unknown" would send the user looking for a misspelling. */
const refuseLater = (what: string): never => {
  throw new TimmcError("usage", `${what} is not in this version of timmc`);
};

/** Makes a command know its later options, behind its own and unseen in its help, so that each is refused by name. */
export function withLaterOptions(name: keyof typeof laterOptions, command: Command): Command {
  for (const flag of laterOptions[name]) {
    command.addOption(new Option(`${flag} [VALUE]`).hideHelp());
    command.on(`option:${flag.slice(2)}`, () => refuseLater(flag));
  }
  return command;
}

/** An option parser that takes `now` and refuses the values of later versions by name. */
export const nowOnly =
  (flag: string, now: readonly string[], later: readonly string[]) =>
  (text: string): string => {
    if (now.includes(text)) return text;
    if (later.includes(text)) return refuseLater(`${flag} ${text}`);
    throw new TimmcError("usage", `${flag} takes ${now.join(" or ")}, not ${JSON.stringify(text)}`);
  };
