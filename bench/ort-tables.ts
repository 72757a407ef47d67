import { type Column, table } from "../src/cli/table.ts";
import { byteQuantity } from "../src/cli/units.ts";
import { sixteen, six } from "./models.ts";
import type { ModelResult } from "./ort.ts";
import { headroomOf, headroomTaken, totalTime } from "./profile.ts";
import type { RaceResult } from "./race.ts";
import { type Estimate, geometricMean, verdictOf } from "./statistics.ts";

const right = (title: string): Column => ({ title, align: "right" });
const ratioText = (value: number): string => value.toFixed(3);
const intervalText = ({ low, high }: Estimate): string => `${ratioText(low)}..${ratioText(high)}`;
const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;

/** A table of one number of threads, and the means under it. */
export function timeTable(results: readonly ModelResult[], threads: number): string[] {
  const raced = results.flatMap(({ model, races }) =>
    races.filter((r) => r.threads === threads).map((result) => ({ model, result })),
  );
  const rows = raced.map(({ model, result }) => [
    model,
    result.wallA.toFixed(2),
    result.wallB.toFixed(2),
    ratioText(result.wall.median),
    ratioText(result.cpu.median),
    intervalText(result[result.clock]),
    ratioText(result.sameFile.median),
    intervalText(result.sameFile),
    String(result.rounds),
    verdictOf(result[result.clock], result.sameFile),
  ]);
  const columns = [{ title: `${threads} thread${threads === 1 ? "" : "s"}` }, right("A ms"), right("B ms")];
  columns.push(right("wall"), right("CPU"), right("95 %"), right("A/A"), right("95 %"), right("rounds"), {
    title: "B is",
  });
  return [...table(columns, rows), ...meanLines(raced)];
}

/** Geometric means over the lists that are complete in the results, or over all of them. */
function meanLines(raced: readonly { readonly model: string; readonly result: RaceResult }[]): string[] {
  const byModel = new Map(raced.map(({ model, result }) => [model, result]));
  const lists = [
    { name: "six", models: six },
    { name: "sixteen", models: sixteen },
  ].filter(({ models }) => models.every((model) => byModel.has(model)));
  const isWhole = lists.some(({ models }) => models.length === byModel.size);
  if (!isWhole) lists.push({ name: `all ${byModel.size}`, models: [...byModel.keys()] });
  return lists.map(({ name, models }) => {
    const chosen = models.flatMap((model) => byModel.get(model) ?? []);
    const mean = (of: (r: RaceResult) => Estimate): string => ratioText(geometricMean(chosen.map((r) => of(r).median)));
    return `geometric mean of ${name}: wall ${mean((r) => r.wall)}, CPU ${mean((r) => r.cpu)}, A/A ${mean((r) => r.sameFile)}`;
  });
}

/** What the files are, and what ONNX Runtime takes to create a session of them. */
export function fileTable(results: readonly ModelResult[]): string[] {
  const columns = [{ title: "files" }, right("nodes A"), right("live, no BN"), right("nodes B"), right("ratio")];
  columns.push(
    right("size A"),
    right("size B"),
    right("ratio"),
    right("load A ms"),
    right("load B ms"),
    right("ratio"),
  );
  const lines = table(
    columns,
    results.map(({ model, files: { a, b }, creation }) => [
      model,
      String(a.nodes),
      String(a.comparable),
      String(b.nodes),
      ratioText(b.nodes / a.nodes),
      byteQuantity(a.bytes),
      byteQuantity(b.bytes),
      ratioText(b.bytes / a.bytes),
      creation.a.toFixed(1),
      creation.b.toFixed(1),
      ratioText(creation.b / creation.a),
    ]),
  );
  const mean = (of: (r: ModelResult) => number): string => ratioText(geometricMean(results.map(of)));
  const nodes = mean(({ files }) => files.b.nodes / files.a.nodes);
  const bytes = mean(({ files }) => files.b.bytes / files.a.bytes);
  const load = mean(({ creation }) => creation.b / creation.a);
  return [...lines, `geometric mean: nodes ${nodes}, size ${bytes}, load ${load}`];
}

/** Operators below this share of A's time on both sides are summed. */
const smallShare = 0.004;

/** ONNX Runtime's time by operator on both sides, A's greatest change first, and what became of the headroom. */
export function profileTables({ model, profile, races }: ModelResult): string[] {
  if (profile === undefined) return [];
  const { a, b } = profile;
  const all = totalTime(a);
  const names = [...new Set([...a.keys(), ...b.keys()])];
  const rows = names.map((name) => {
    const [before, after] = [a.get(name) ?? none, b.get(name) ?? none];
    return { name, before, after, gain: (before.ms - after.ms) / all };
  });
  const isSmall = ({ before, after }: (typeof rows)[number]): boolean =>
    Math.max(before.ms, after.ms) < smallShare * all;
  const shown = rows.filter((row) => !isSmall(row)).sort((x, y) => y.gain - x.gain);
  const small = rows.filter(isSmall);
  const sum = (of: (row: (typeof rows)[number]) => number): number => small.reduce((n, row) => n + of(row), 0);
  if (small.length > 0)
    shown.push({
      name: "other",
      before: { nodes: sum((r) => r.before.nodes), ms: sum((r) => r.before.ms) },
      after: { nodes: sum((r) => r.after.nodes), ms: sum((r) => r.after.ms) },
      gain: sum((r) => r.gain),
    });
  const columns = [{ title: model }, right("nodes A"), right("ms A"), right("share A"), right("nodes B")];
  columns.push(right("ms B"), right("share B"), right("taken of A"));
  const lines = table(
    columns,
    shown.map(({ name, before, after, gain }) => [
      name,
      before.nodes.toFixed(0),
      before.ms.toFixed(2),
      percent(before.ms / all),
      after.nodes.toFixed(0),
      after.ms.toFixed(2),
      percent(after.ms / totalTime(b)),
      percent(gain),
    ]),
  );
  return [...lines, headroomLine(headroomOf(a), races)];
}

const none = { nodes: 0, ms: 0 };

function headroomLine(headroom: number, [first]: readonly RaceResult[]): string {
  const { median, low, high } = first?.cpu ?? { median: NaN, low: NaN, high: NaN };
  const [taken, least, most] = [median, high, low].map((ratio) => percent(headroomTaken(headroom, ratio)));
  return `headroom ${percent(headroom)}, CPU ratio ${ratioText(median)}: ${taken} of the headroom taken (${least} to ${most})`;
}
