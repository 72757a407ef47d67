import * as fc from "fast-check";

/** JSON as text has it: scalars are spelled out, and a key may occur twice. */
type Node = string | readonly Node[] | { readonly members: readonly Member[] };
type Member = readonly [key: string, value: Node];

const isList = (node: Node): node is readonly Node[] => Array.isArray(node);

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return value.map(nodeOf);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return { members: Object.entries(value).map(([key, item]): Member => [JSON.stringify(key), nodeOf(item)]) };
}

function print(node: Node): string {
  if (typeof node === "string") return node;
  if (isList(node)) return `[${node.map(print).join(",")}]`;
  return `{${node.members.map(([key, value]) => `${key}:${print(value)}`).join(",")}}`;
}

/** Every node, the root first. */
function nodesOf(node: Node): readonly Node[] {
  if (typeof node === "string") return [node];
  const children = isList(node) ? node : node.members.map(([, value]) => value);
  return [node, ...children.flatMap(nodesOf)];
}

/** What takes the place of a node that stands under a key; in a list the keys do not count. */
type Edit = (key: string, node: Node) => readonly Member[];

/** The tree after an edit of one node: the `at`-th of `nodesOf`. */
function edited(root: Node, at: number, edit: Edit): Node {
  let index = 0;
  const visit = (key: string, node: Node): readonly Member[] => {
    if (index++ === at) return edit(key, node);
    if (typeof node === "string") return [[key, node]];
    if (isList(node)) return [[key, node.flatMap((item) => visit('"key"', item).map(([, value]) => value))]];
    return [[key, { members: node.members.flatMap(([name, value]) => visit(name, value)) }]];
  };
  const [first] = visit('"key"', root);
  return first?.[1] ?? "";
}

/** Deletion, doubling, and two ways of wrapping. */
const plainEdits: readonly Edit[] = [
  () => [],
  (key, node) => Array.from({ length: 2 }, (): Member => [key, node]),
  (key, node) => [[key, [node]]],
  (key, node) => [[key, { members: [[key, node]] }]],
];

const numbers = [
  "0",
  "-0",
  "-1",
  "1.5",
  "1e2",
  "01",
  "127",
  "65536",
  "2147483647",
  "2147483648",
  "4294967296",
  "9007199254740991",
  "9007199254740992",
  "18446744073709551616",
  "1e308",
  "1e309",
  "-1e999",
  "1e-999",
  "9".repeat(400),
];
const words = ["null", "true", "false", "NaN", "Infinity", "undefined", "[]", "{}", "[[]]", '{"":0}', "", "'a'"];
const texts = [
  '""',
  '"\\u0000"',
  '"\\ud800"',
  '"\\u001b[2J\\u009b"',
  '"\u009b\u007f\u202e"',
  '"__proto__"',
  '"constructor"',
  '"../x"',
  '"é\u{1f600}"',
  '"\\x"',
  '"\u001b"',
  JSON.stringify("x".repeat(5_000)),
];
const bulk: readonly Node[] = [
  "[".repeat(30_000),
  `${"[".repeat(70)}${"]".repeat(70)}`,
  `${'{"a":'.repeat(40)}0${"}".repeat(40)}`,
  Array.from({ length: 3_000 }, () => "0"),
  { members: Array.from({ length: 1_000 }, (_, i): Member => [JSON.stringify(`k${i}`), "0"]) },
];
const hostile = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Node>(...numbers) },
  { weight: 3, arbitrary: fc.constantFrom<Node>(...words, ...texts) },
  { weight: 1, arbitrary: fc.constantFrom(...bulk) },
);

/**
 * The texts of these values after one to three edits: nodes replaced by hostile ones or by each other, deleted, doubled,
 * wrapped, keys renamed. `vocabulary` are words that the format knows.
 */
export function mutatedJson(values: readonly unknown[], vocabulary: readonly string[]): fc.Arbitrary<Buffer> {
  const seeds = values.map(nodeOf);
  const known = vocabulary.map((word) => JSON.stringify(word));
  const nodes = seeds.flatMap(nodesOf);
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    fc.oneof(hostile, fc.constantFrom<Node>(...known), fc.constantFrom(...nodes)).map((other): Edit => (key) => [
      [key, other],
    ]),
    fc.constantFrom(...known, ...texts).map((name): Edit => (_, node) => [[name, node]]),
    fc
      .tuple(fc.constantFrom(...known, ...texts), fc.oneof(hostile, fc.constantFrom(...nodes)))
      .map((added): Edit => (key, node) => [[key, node], added]),
    fc.constantFrom(...plainEdits),
  );
  return fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat({ max: 1 << 16 }), edit), { minLength: 1, maxLength: 3 }),
    )
    .map(([seed, edits]) => edits.reduce((root, [at, change]) => edited(root, at % nodesOf(root).length, change), seed))
    .map((root) => Buffer.from(print(root)));
}
