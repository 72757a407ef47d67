import { modelName } from "../../frontend/registry.ts";
import type { ListRow } from "../list.ts";
import {
  type PageColumn,
  choiceFilter,
  distinct,
  limitFilter,
  tablePage,
  textFilter,
  wordFilter,
} from "../table-page/page.ts";
import { style } from "./style.ts";

const decimals = (n: number | null): string => n?.toFixed(2) ?? "";
const exact = (n: number | null): string => (n === null ? "" : String(n));

const columns: readonly PageColumn<ListRow>[] = [
  { key: "name", title: "Model", text: (row) => modelName(row.architecture, row.tag) },
  {
    key: "top1",
    title: "Top-1 %",
    numeric: true,
    first: "descending",
    text: (row) => decimals(row.top1),
    value: (row) => exact(row.top1),
  },
  {
    key: "params",
    title: "Params M",
    numeric: true,
    text: (row) => decimals(row.params),
    value: (row) => exact(row.params),
  },
  { key: "gmacs", title: "GMACs", numeric: true, text: (row) => decimals(row.gmacs), value: (row) => exact(row.gmacs) },
  {
    key: "size",
    title: "Input",
    numeric: true,
    text: ({ input_size: [, height, width] }) => (height === width ? String(width) : `${height} x ${width}`),
    value: (row) => String(row.input_size[1]),
  },
  { key: "supported", title: "Compiles", text: (row) => (row.supported ? "yes" : "no") },
  { key: "family", title: "Family", text: (row) => row.family },
  { key: "data", title: "Data and objective", text: (row) => row.data.join(" ") },
  { key: "licence", title: "Licence", text: (row) => row.licence ?? "" },
];

/** The rows as one HTML document. */
export const listPage = (rows: readonly ListRow[]): string =>
  tablePage({
    title: "timm models",
    intro:
      "<p>Accuracy on ImageNet-1k, parameters and multiply-accumulates as timm publishes them; empty where it does not. Input is the picture's side in pixels. Data and objective are what a model's name says of its training.</p>",
    first: textFilter("name", "Name contains"),
    filters: filters(rows),
    columns,
    rows,
    caption: "Pretrained weights",
    id: "models",
    style,
  });

function filters(rows: readonly ListRow[]): string[] {
  const sizes = distinct(rows, (row) => String(row.input_size[1])).toSorted((a, b) => Number(a) - Number(b));
  const words = [...new Set(rows.flatMap((row) => row.data))].toSorted();
  return [
    choiceFilter("family", "Family", distinct(rows, (row) => row.family).toSorted()),
    choiceFilter("supported", "Compiles", ["yes", "no"], "narrow"),
    limitFilter("min", "top1", "Top-1 % at least"),
    limitFilter("max", "params", "Params M at most"),
    limitFilter("max", "gmacs", "GMACs at most"),
    choiceFilter("size", "Input", sizes, "narrow"),
    wordFilter("data", "Data or objective", words),
    choiceFilter("licence", "Licence", distinct(rows, (row) => row.licence ?? "").toSorted()),
  ];
}
