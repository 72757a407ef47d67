/** What is known of something that was caught: JavaScript throws values of any type. */

/** Its message. */
export const messageOf = (caught: unknown): string => (caught instanceof Error ? caught.message : String(caught));

/** Its message on one line: native libraries write several. */
export const messageLineOf = (caught: unknown): string =>
  messageOf(caught)
    .trim()
    .replaceAll(/\s*\n\s*/g, "; ");

/** Node's name of the failure, such as `ENOENT`, where it has one. */
export const codeOf = (caught: unknown): string | undefined =>
  caught instanceof Error && "code" in caught ? String(caught.code) : undefined;
