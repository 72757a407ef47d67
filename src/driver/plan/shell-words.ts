/** A word for a POSIX shell that means exactly the text, quoted where it must be. */
export const shellWord = (text: string): string =>
  /^[\w./=,@%+:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
