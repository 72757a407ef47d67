import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type ListRow, list } from "../../src/driver/list.ts";
import { listPage } from "../../src/driver/list-page/page.ts";
import { script } from "../../src/driver/table-page/script.ts";

const row = (architecture: string, fields: Partial<ListRow> = {}): ListRow => ({
  architecture,
  tag: "",
  family: "resnet",
  supported: true,
  reason: null,
  top1: null,
  params: null,
  coverage: null,
  gmacs: null,
  licence: null,
  input_size: [3, 224, 224],
  data: [],
  ...fields,
});

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

/** Elements that are opened and not closed in order, void ones apart. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const bare = html.replaceAll(/<(style|script)>[\s\S]*?<\/\1>/g, "").replaceAll(/<datalist[\s\S]*?<\/datalist>/g, "");
  for (const [, end, name = ""] of bare.matchAll(/<(\/?)([a-z][a-z0-9]*)\b/g)) {
    if (["meta", "input", "wbr"].includes(name)) continue;
    if (end === "") open.push(name);
    else if (open.pop() !== name) return [...open, `/${name}`];
  }
  return open;
}

describe("the page of list --html", () => {
  it("is one document without other files, with a table row per row", async () => {
    const rows = await list({ families: ["vgg", "deit"] });
    const html = listPage(rows);
    expect(html.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
    expect(count(html, /<tr>/g)).toBe(rows.length + 1);
    expect(count(html, /<th scope="row">/g)).toBe(rows.length);
    expect(unbalanced(html)).toEqual([]);
    expect(html).not.toMatch(/\b(?:src|href)="(?!#)|@import|url\(|https?:/);
    expect(html).toContain("default-src 'none'");
    expect(listPage(rows)).toBe(html);
  });

  it("can be used by keyboard and screen reader, in light and in dark", () => {
    const html = listPage([row("a")]);
    expect(count(html, /<th scope="col"[^>]*><button type="button">[^<]+<\/button><\/th>/g)).toBe(9);
    expect(html).toContain('<a class="skip" href="#models">');
    expect(html).toMatch(/role="region" aria-labelledby="caption" tabindex="0" id="models"/);
    expect(html).toContain('<caption id="caption">');
    expect(html).toContain('<output aria-live="polite">');
    const controls = count(html, /<(?:input|select) /g);
    expect(controls).toBe(9);
    expect(count(html, /<label>[^<]+<(?:input|select) /g)).toBe(controls);
    expect(html).toContain("color-scheme: light dark");
    expect(html).toContain(":focus-visible");
  });

  it("shows text as text", () => {
    const html = listPage([row("<script>alert(1)</script>", { licence: `"&'<b>`, family: "a&b" })]);
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(html).toContain("&quot;&amp;&#39;&lt;b&gt;");
    expect(count(html, /<script>/g)).toBe(1);
  });
});

interface FakeRow {
  hidden: boolean;
  readonly cells: readonly { readonly textContent: string; readonly dataset: { readonly v?: string } }[];
}

const keys = ["name", "family", "supported", "top1", "params", "gmacs", "size", "data", "licence"];
const noFilter = {
  "in:name": "",
  "is:family": "",
  "is:supported": "",
  "max:params": "",
  "max:gmacs": "",
  "min:top1": "",
  "is:size": "",
  "has:data": "",
  "is:licence": "",
};

/** The script on as much of a document as it touches. */
function runScript(rows: readonly Readonly<Record<string, string>>[]) {
  const listeners = new Map<unknown, () => void>();
  let form: Record<string, string> = noFilter;
  let shown = rows.map((values): FakeRow => ({
    hidden: false,
    cells: keys.map((key) => ({ textContent: values[key] ?? "", dataset: { v: values[key] ?? "" } })),
  }));
  const heads = keys.map((key) => {
    const attributes = new Map<string, string>();
    const button = { addEventListener: (_: string, f: () => void) => listeners.set(key, f) };
    return {
      dataset: { column: key, ...(key === "top1" ? { first: "descending" } : {}) },
      classList: { contains: () => ["top1", "params", "gmacs", "size"].includes(key) },
      getAttribute: (name: string) => attributes.get(name) ?? null,
      setAttribute: (name: string, value: string) => attributes.set(name, value),
      removeAttribute: (name: string) => attributes.delete(name),
      querySelector: () => button,
    };
  });
  const body = { rows: shown, append: (...order: FakeRow[]) => void (shown = order) };
  const output = { textContent: "" };
  const formElement = { hidden: true, addEventListener: (name: string, f: () => void) => listeners.set(name, f) };
  const details = { open: true };
  const elements: Readonly<Record<string, unknown>> = { form: formElement, tbody: body, output, details };
  const context = createContext({
    document: { querySelector: (name: string) => elements[name], querySelectorAll: () => heads },
    FormData: class {
      [Symbol.iterator]() {
        return Object.entries(form)[Symbol.iterator]();
      }
    },
    setTimeout: (f: () => void) => f(),
    matchMedia: () => ({ matches: false }),
  });
  runInContext(script, context);
  return {
    click: (key: string) => listeners.get(key)?.(),
    filter: (values: Readonly<Record<string, string>>) => {
      form = { ...noFilter, ...values };
      listeners.get("input")?.();
    },
    names: () => shown.filter((r) => !r.hidden).map((r) => r.cells[0]?.textContent),
    count: () => output.textContent,
    sorted: () => heads.map((head) => head.getAttribute("aria-sort")).filter((order) => order !== null),
    isFormHidden: () => formElement.hidden,
  };
}

describe("the page's script", () => {
  const page = () =>
    runScript([
      { name: "b", family: "vgg", top1: "80.5", params: "9", data: "in1k" },
      { name: "a", family: "vgg", top1: "", params: "100", data: "clip laion2b" },
      { name: "c", family: "deit", top1: "81", params: "20", data: "in12k in1k" },
    ]);

  it("shows the filters and every row", () => {
    const { names, count, isFormHidden } = page();
    expect(names()).toEqual(["b", "a", "c"]);
    expect(count()).toBe("3 of 3 rows");
    expect(isFormHidden()).toBe(false);
  });

  it("sorts numbers as numbers, rows without one last, and turns the order at the second click", () => {
    const { click, names, sorted } = page();
    click("params");
    expect([names(), sorted()]).toEqual([["b", "c", "a"], ["ascending"]]);
    click("top1");
    expect([names(), sorted()]).toEqual([["c", "b", "a"], ["descending"]]);
    click("top1");
    expect([names(), sorted()]).toEqual([["b", "c", "a"], ["ascending"]]);
    click("name");
    expect(names()).toEqual(["a", "b", "c"]);
  });

  it("filters by every field that is set", () => {
    const { filter, names, count } = page();
    filter({ "min:top1": "80" });
    expect(names()).toEqual(["b", "c"]);
    filter({ "max:params": "20", "is:family": "deit" });
    expect([names(), count()]).toEqual([["c"], "1 of 3 rows"]);
    filter({ "has:data": "in1k" });
    expect(names()).toEqual(["b", "c"]);
    filter({ "has:data": "laion2b clip", "in:name": "A" });
    expect(names()).toEqual(["a"]);
  });
});
