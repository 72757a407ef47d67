import type { NameRecord } from "../driver/info.ts";
import type { NamePiece } from "../frontend/names/explain.ts";
import type { Colors } from "./shell.ts";

/** Names of local folders are text from outside: what would move the cursor becomes a blank, so that columns hold. */
const visible = (text: string): string => text.replaceAll(/\p{Cc}/gu, " ");

/**
 * The name, below it each piece under its own letters with what it says beside it, then what the weights went through and
 * where the name and the configuration differ.
 */
export function nameAnatomy(record: NameRecord, colors: Colors): string[] {
  const { name, pieces, training, selfSupervised, distilled, contradictions } = record;
  const notes = [
    ...(selfSupervised ? ["the first training saw no labels"] : []),
    ...(distilled ? ["distilled from a teacher"] : []),
  ];
  const width = pieces.reduce((w, piece) => Math.max(w, piece.kind.length), 0);
  const line = ({ text, kind, meaning, start, end }: NamePiece): string => {
    const paint = kind === "unknown" ? colors.yellow : colors.cyan;
    const gap = " ".repeat(name.length - end + 2);
    return `${" ".repeat(start)}${paint(visible(text))}${gap}${colors.dim(kind.padEnd(width))}  ${meaning}`;
  };
  return [
    "",
    colors.bold(visible(name)),
    ...pieces.map(line),
    ...(training.length === 0 ? [] : [`weights: ${[training.join(", then "), ...notes].join("; ")}`]),
    ...contradictions.map(
      ({ field, predicted, recorded, why }) =>
        `${colors.yellow("contradiction:")} ${field} is ${recorded}, by the name ${predicted}: ${why}`,
    ),
  ];
}
