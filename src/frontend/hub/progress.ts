const cells = 24;

/** Milliseconds between two texts: a terminal line that people read. */
const interval = 100;

/**
 * Turns byte counts into a line such as `model.safetensors [======>       ] 52% of 97.5 MiB, 11.2 MiB/s`. The speed is
 * that of the bytes that came, not of those that an earlier download had left.
 */
export function progressBar(say: (text: string) => void): (file: string, bytes: number, total: number) => void {
  let from: { readonly file: string; readonly bytes: number; readonly time: number } | undefined;
  let said = -Infinity;
  return (file, bytes, total) => {
    const now = performance.now();
    if (from?.file !== file || bytes < from.bytes) from = { file, bytes, time: now };
    if (now - said < interval && bytes < total) return;
    said = now;
    const share = total === 0 ? 1 : bytes / total;
    const bar = `${"=".repeat(Math.floor(share * cells))}>`.slice(0, cells).padEnd(cells);
    const seconds = (now - from.time) / 1000;
    const speed = seconds > 0 ? `, ${mebibytes((bytes - from.bytes) / seconds)}/s` : "";
    say(`${file} [${bar}] ${Math.floor(share * 100)}% of ${mebibytes(total)}${speed}`);
  };
}

/** Milliseconds of a download after which its speed is worth a word, and how long it may then still take. */
const patience = 15_000;
const longRest = 600_000;

/** Says once that a download is so slow that nobody would wait for it. */
export function slownessNote(say: (text: string) => void): (file: string, bytes: number, total: number) => void {
  let from: { readonly file: string; readonly bytes: number; readonly time: number } | undefined;
  let isSaid = false;
  return (file, bytes, total) => {
    const now = performance.now();
    if (from?.file !== file) from = { file, bytes, time: now };
    const [time, came] = [now - from.time, bytes - from.bytes];
    if (isSaid || time < patience || came <= 0) return;
    const rest = (time / came) * (total - bytes);
    if (rest < longRest) return;
    isSaid = true;
    const speed = Math.ceil((1000 * came) / time);
    say(
      `${file} comes at ${speed} bytes a second: the rest takes about ${Math.ceil(rest / 60_000)} minutes. ` +
        "A run that is stopped goes on from there the next time",
    );
  };
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
