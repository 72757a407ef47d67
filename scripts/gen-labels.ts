/**
 * Writes the names of ImageNet-1k's classes (data/labels/in1k.json) from the database of WordNet 3.0, whose offsets are
 * ImageNet's synset ids; other versions of WordNet have other offsets. Debian's package wordnet-base has it:
 *
 *     node scripts/gen-labels.ts /usr/share/wordnet
 *
 * (Node 22.18 runs TypeScript as it is; for older versions compile this file with tsc first.)
 *
 * scripts/in1k-synsets.txt: the classes of ILSVRC 2012 in order, a synset id per line. A name is the synset's words, as
 * in timm's list; two synsets with the same words are told apart by the first word of the synset above each.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A line of data.noun: see wndb(5WN). */
interface Synset {
  readonly words: readonly string[];
  /** The synset above, by its offset; the first where there are several. */
  readonly above: string | undefined;
}

const classCount = 1000;

function readNouns(folder: string): ReadonlyMap<string, Synset> {
  const lines = readFileSync(join(folder, "data.noun"), "latin1").split("\n");
  return new Map(
    lines
      .filter((line) => /^\d/.test(line))
      .map((line) => {
        const [offset = "", , , wordCount = "", ...rest] = line.split(" ");
        const wordFields = 2 * Number.parseInt(wordCount, 16);
        const words = rest.slice(0, wordFields).filter((_, i) => i % 2 === 0);
        const pointers = rest.slice(wordFields + 1);
        const up = pointers.findIndex((field) => field === "@");
        return [
          offset,
          { words: words.map((w) => w.replaceAll("_", " ")), above: up < 0 ? undefined : pointers[up + 1] },
        ];
      }),
  );
}

function nameSynsets(ids: readonly string[], nouns: ReadonlyMap<string, Synset>): string[] {
  const synsets = ids.map((id) => {
    const synset = nouns.get(id.slice(1));
    if (synset === undefined) throw new Error(`${id} is not in data.noun: is this WordNet 3.0?`);
    return { text: synset.words.join(", "), above: nouns.get(synset.above ?? "")?.words[0] };
  });
  return synsets.map(({ text, above }) =>
    synsets.filter((other) => other.text === text).length === 1 ? text : `${text} (${above})`,
  );
}

const [wordnet] = process.argv.slice(2);
if (wordnet === undefined) throw new Error("usage: gen-labels.ts WORDNET (the folder of data.noun)");
const ids = readFileSync(join(import.meta.dirname, "in1k-synsets.txt"), "utf8")
  .trim()
  .split("\n");
const labels = nameSynsets(ids, readNouns(wordnet));
if (new Set(labels).size !== classCount) throw new Error(`${new Set(labels).size} names for ${classCount} classes`);
const lines = labels.map((label) => JSON.stringify(label));
writeFileSync(join(import.meta.dirname, "../data/labels/in1k.json"), `[\n${lines.join(",\n")}\n]\n`);
