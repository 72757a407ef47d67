import { type Command, Option } from "commander";
import { TimmcError } from "../ir/error.ts";

/** Options of `compile` that the documentation names and this version lacks. */
const laterOptions = ["--calibration", "--max-error"] as const;

/** The same for commands. */
export const laterCommands = ["build"] as const;

/** Refuses by its name what a later version will have: "unknown" would send the user looking for a misspelling. */
export const refuseLater = (what: string): never => {
  throw new TimmcError("usage", `${what} is not in this version of timmc`);
};

/** Makes `compile` know its later options, behind its own and unseen in its help, so that each is refused by name. */
export function withLaterOptions(command: Command): Command {
  for (const flag of laterOptions) {
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
