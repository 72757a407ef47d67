import type { Graph } from "../../ir/graph.ts";
import { valueMacs } from "../../ir/macs.ts";
import { printAttrs } from "../../ir/printer.ts";
import { count, printType } from "../../ir/type.ts";
import { type Value, is } from "../../ir/value.ts";
import { bytesPerImage } from "../describe-tap.ts";
import { type ModuleTree, modulePathOf } from "./module-tree.ts";
import { runsFlag, weightFlag } from "./browser/model.js";
import type { GraphColumns } from "./page-data.ts";
import type { Strings } from "./strings.ts";

/** What a graph's rows are made with. */
interface ColumnsContext {
  readonly strings: Strings;
  readonly tree: ModuleTree;
  /** What counts as a parameter by its key. */
  readonly parameterNames: ReadonlySet<string>;
  /** What runs is divided by it: 1 where the batch is a symbol. */
  readonly batch: number;
  /** What costs are counted at. */
  readonly symbols: Readonly<Record<string, number>>;
}

/** A long list, such as a table of positions, is not read in a browser. */
const longestAttrs = 240;

const attrsText = (value: Value): string => {
  if (is(value, "param")) return value.attrs.key.slice(value.attrs.key.lastIndexOf(".") + 1);
  const text = printAttrs(value).join(", ");
  return text.length > longestAttrs ? `${text.slice(0, longestAttrs)} …` : text;
};

/** Everything that the values depend on, and they themselves. */
export function ancestorsOf(values: Iterable<Value>): Set<Value> {
  const found = new Set(values);
  for (const value of found) for (const x of value.operands) if (x !== undefined) found.add(x);
  return found;
}

/** The rows of those values of a graph that are in `kept`, in the graph's order, and where each value is. */
export function graphColumns(
  graph: Graph,
  kept: ReadonlySet<Value>,
  { strings, tree, parameterNames, batch, symbols }: ColumnsContext,
): { readonly columns: Omit<GraphColumns, "layout">; readonly rows: ReadonlyMap<Value, number> } {
  const values = [...graph.values()].filter((v) => kept.has(v));
  const rows = new Map(values.map((value, row) => [value, row]));
  const needed = ancestorsOf(graph.outputs.map((o) => o.value));
  // Weights are the same whatever the batch is.
  const perImage = (value: Value, n: number): number => (value.isWeight || n < 0 ? n : Math.round(n / batch));
  const column = <T>(of: (value: Value) => T): T[] => values.map(of);
  const columns = {
    op: column((v) => strings.place(v.op)),
    module: column((v) => tree.places.get(modulePathOf(v)) ?? 0),
    repetition: column(repetitionOf),
    type: column((v) => strings.place(printType(v.type))),
    attrs: column((v) => strings.place(attrsText(v))),
    rules: column((v) => strings.place(v.origin.rules.join(","))),
    macs: column((v) => perImage(v, valueMacs(v, symbols))),
    params: column((v) => (is(v, "param") && parameterNames.has(v.attrs.key) ? count(v.attrs.shape) : 0)),
    bytes: column((v) => perImage(v, bytesPerImage(v, symbols) ?? -1)),
    operands: column((v) => v.operands.map((x) => (x === undefined ? -1 : (rows.get(x) ?? -1)))),
    flags: column((v) => (v.isWeight ? weightFlag : needed.has(v) ? runsFlag : 0)),
    outputs: graph.outputs.map(({ name, value }) => ({ name, row: rows.get(value) ?? -1 })),
  };
  return { columns, rows };
}

const repetitionOf = ({ name }: Value): number => Number(/~(\d+)$/.exec(name)?.[1] ?? 0);
