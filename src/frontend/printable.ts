/** Text from outside for messages: characters that a terminal obeys, or that nobody sees, as the escapes of JSON. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, escapes);

const escapes = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => {
    return `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }).join("");
