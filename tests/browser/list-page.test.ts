import { writeFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { type ListRow, list } from "../../src/driver/list.ts";
import { listPage } from "../../src/driver/list-page/page.ts";
import { modelName } from "../../src/frontend/registry.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { describeInBrowser, openPage } from "./browser.ts";
import { contrastOf, styleOf } from "./style.ts";

describeInBrowser("the page of list --html in a browser", () => {
  const at = temporaryFolder();
  let file = "";
  let rows: readonly ListRow[] = [];

  beforeAll(async () => {
    file = at("models.html");
    rows = await list();
    writeFileSync(file, listPage(rows));
  });

  const shown = (page: Page): Promise<string[]> => page.locator("tbody tr:not([hidden]) th").allTextContents();
  const head = (page: Page, column: string) => page.locator(`thead th[data-column="${column}"]`);
  const count = (page: Page) => page.locator("output").textContent();
  /** The names of the rows that have a number, by it. */
  const ordered = (sign: number): string[] =>
    rows
      .flatMap((row) => (row.top1 === null ? [] : [{ name: modelName(row.architecture, row.tag), top1: row.top1 }]))
      .toSorted((a, b) => sign * (a.top1 - b.top1))
      .map(({ name }) => name);

  it("opens from a file, alone, with a row per model", async () => {
    const { page, faults } = await openPage(file);
    expect(await shown(page)).toEqual(rows.map((row) => modelName(row.architecture, row.tag)));
    expect(await count(page)).toBe(`${rows.length} of ${rows.length} rows`);
    await head(page, "top1").getByRole("button").click();
    await page.getByLabel("Name contains").fill("resnet");
    expect(faults).toEqual([]);
  });

  it("sorts at a click, and turns the order at the next", async () => {
    const { page } = await openPage(file);
    const top1 = head(page, "top1");
    await top1.getByRole("button").click();
    const best = ordered(-1);
    expect((await shown(page)).slice(0, best.length)).toEqual(best);
    expect(await top1.getAttribute("aria-sort")).toBe("descending");
    await top1.getByRole("button").click();
    expect((await shown(page)).slice(0, best.length)).toEqual(ordered(1));
    await head(page, "name").getByRole("button").click();
    expect(await page.locator("[aria-sort]").count()).toBe(1);
    const names = await shown(page);
    expect(names.findIndex((n) => n.startsWith("resnet18."))).toBeLessThan(
      names.findIndex((n) => n.startsWith("resnet101.")),
    );
  });

  it("is used by keyboard alone: to the table, to a column, sorted, with the focus in sight", async () => {
    const { page } = await openPage(file);
    const focused = page.locator(":focus");
    await page.keyboard.press("Tab");
    expect(await focused.textContent()).toBe("To the table");
    expect(await focused.boundingBox()).toMatchObject({ x: 16 });
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    expect(await focused.textContent()).toBe("Top-1 %");
    expect((await styleOf(focused)).outlineStyle).toBe("solid");
    await page.keyboard.press("Enter");
    expect((await shown(page))[0]).toBe(ordered(-1)[0]);
    await page.keyboard.press("Space");
    expect((await shown(page))[0]).toBe(ordered(1)[0]);
    expect(await focused.textContent()).toBe("Top-1 %");
  });

  it("filters while one types, says how many are left, and goes back at Reset", async () => {
    const { page } = await openPage(file);
    await page.getByLabel("Name contains").pressSequentially("ConvNeXt tiny");
    const names = await shown(page);
    expect(names.length).toBeGreaterThan(5);
    expect(names.every((name) => name.includes("convnext") && name.includes("tiny"))).toBe(true);
    expect(await count(page)).toBe(`${names.length} of ${rows.length} rows`);
    await page.getByLabel("Top-1 % at least").fill("84");
    const good = await shown(page);
    expect(good.length).toBeLessThan(names.length);
    await page.getByLabel("Licence").selectOption("cc-by-nc-4.0");
    expect((await shown(page)).length).toBeLessThan(good.length);
    await page.getByRole("button", { name: "Reset" }).click();
    await expect.poll(() => count(page)).toBe(`${rows.length} of ${rows.length} rows`);
  });

  it("keeps the titles and the names in sight while the table scrolls, and never scrolls sideways itself", async () => {
    for (const width of [1280, 400]) {
      const { page } = await openPage(file, { width });
      const name = head(page, "name");
      const before = await name.boundingBox();
      await page.locator(".scroll").evaluate((e) => e.scrollTo(500, 3000));
      expect(await name.boundingBox()).toEqual(before);
      const first = await page.locator("tbody th").first().boundingBox();
      expect(first?.x).toBe(before?.x);
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    }
  });

  it("shows a phone the table and two columns of it first, with the other filters at hand", async () => {
    const { page } = await openPage(file, { width: 400 });
    const table = await page.locator(".scroll").boundingBox();
    expect(table?.y).toBeLessThan(400);
    const second = await head(page, "top1").boundingBox();
    expect((second?.x ?? 400) + (second?.width ?? 0)).toBeLessThanOrEqual(400);
    expect(await page.getByLabel("Family").isVisible()).toBe(false);
    await page.getByText("More filters").click();
    expect(await page.getByLabel("Family").isVisible()).toBe(true);
  });

  it("fits a wide screen without scrolling sideways", async () => {
    const { page } = await openPage(file);
    for (const box of [page.locator(".scroll"), ...(await page.locator("thead button").all())])
      expect(await box.evaluate((e) => e.scrollWidth - e.clientWidth), String(box)).toBe(0);
  });

  it.each([false, true])("has contrast (dark: %s)", async (dark) => {
    const { page } = await openPage(file, { dark });
    expect((await styleOf(page.locator("body"))).backgroundColor).toBe(dark ? "rgb(20, 22, 26)" : "rgb(255, 255, 255)");
    for (const text of ["h1", "p", "label", "summary", "output", "thead button", "tbody th", "tbody td", "select"])
      expect((await contrastOf(page.locator(text).first())).text, text).toBeGreaterThanOrEqual(4.5);
    for (const control of ["input", "select", "form button"])
      expect((await contrastOf(page.locator(control).first())).border, control).toBeGreaterThanOrEqual(3);
  });

  it("can be read with scripts turned off, without filters that do nothing", async () => {
    const { page, faults } = await openPage(file, { scripts: false });
    expect(await page.locator("tbody tr").count()).toBe(rows.length);
    expect(await page.locator("form").isVisible()).toBe(false);
    expect(await page.locator("output").textContent()).toBe(`${rows.length} rows`);
    expect(faults).toEqual([]);
  });
});
