/** Text from outside for messages: characters that a terminal obeys, or that nobody sees, as the escapes of JSON. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, escapes);

/** Of one place or line: above the longest path that a system takes. */
const maxLine = 4200;

/** Of a message: what is longer lists more than anybody reads. */
const maxText = 50_000;

/** The same for a message of several lines, which stay lines; what is far too long for people is cut. */
export function printableLines(text: string): string {
  const shown = text.slice(0, maxText).split("\n").map(printableLine).join("\n");
  return text.length > maxText ? `${shown}... (${text.length} characters)` : shown;
}

/** The same for what must be one line, such as a path. */
export const printableLine = (text: string): string =>
  printable(text.length > maxLine ? `${text.slice(0, maxLine)}... (${text.length} characters)` : text);

const escapes = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }).join("");
