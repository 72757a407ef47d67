import { beforeAll, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { inspect } from "../../src/driver/inspect.ts";
import { bytesText, quantityText } from "../../src/driver/graph-page/browser/units.js";
import type { KernelReport } from "../../src/driver/kernel-facts.ts";
import { cli } from "../cli/run-cli.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { describeInBrowser, openPage } from "./browser.ts";
import { crumbs, row, tab } from "./inspect-pages.ts";
import { contrastOf } from "./style.ts";

const rows = (page: Page) => page.locator("#kernels tbody tr:visible");
const names = (page: Page): Promise<string[]> => rows(page).locator("th").allTextContents();
const column = (page: Page, n: number): Promise<string[]> => rows(page).locator(`:nth-child(${n})`).allTextContents();
const sortBy = (page: Page, title: string) => page.getByRole("button", { name: title, exact: true }).click();

describeInBrowser("the kernels of inspect --html in a browser", () => {
  const path = temporaryFolder();
  const file = (): string => path("resnet.html");
  let report: KernelReport;

  beforeAll(async () => {
    for (const [model, ...more] of [["test_resnet", "--target", "webgpu"], ["test_vit"]]) {
      const args = ["inspect", model ?? "", "--weights", "none", ...more];
      expect((await cli([...args, "--html", model === "test_resnet" ? file() : path("plain.html")])).status).toBe(0);
    }
    const { kernels } = await inspect({ model: "test_resnet", target: "webgpu", kernels: {} });
    if (kernels !== undefined) report = kernels;
  }, 60_000);

  const open = async (view = {}) => {
    const opened = await openPage(file(), view);
    await tab(opened.page, "Kernels");
    return opened;
  };

  it("are there where a target was asked for, and nowhere else", async () => {
    const { page, faults } = await open();
    expect(await names(page)).toEqual(report.steps.map((s) => s.name));
    expect(faults).toEqual([]);
    const plain = await openPage(path("plain.html"));
    expect(await plain.page.getByRole("tab", { name: "Kernels" }).count()).toBe(0);
    expect(plain.faults).toEqual([]);
  });

  it("sort by a column, down and up, and colour what they are sorted by", async () => {
    const { page } = await open();
    await sortBy(page, "FLOPs");
    expect(await page.locator("#kernels [aria-sort]").getAttribute("aria-sort")).toBe("descending");
    const flops = report.steps
      .map((s) => s.flops)
      .toSorted((a, b) => b - a)
      .map(quantityText);
    expect(await column(page, 9)).toEqual(flops);
    expect(await page.locator("#kernels tbody .heat").count()).toBe(flops.length);
    await sortBy(page, "FLOPs");
    expect(await column(page, 9)).toEqual(flops.toReversed());
    await sortBy(page, "Stores");
    const sorted = await names(page);
    expect(sorted).toEqual(sorted.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })));
    await sortBy(page, "#");
    expect((await names(page))[0]).toBe(report.steps[0]?.name);
  });

  it("are filtered by module and operation, and say how many are left", async () => {
    const { page } = await open();
    await page.locator("#kernel-filter").fill("layer2 conv");
    const hits = report.steps.filter((s) => s.module.startsWith("layer2") && s.computes.includes("conv"));
    expect(hits.length).toBeGreaterThan(1);
    expect(await names(page)).toEqual(hits.map((s) => s.name));
    expect(await page.locator("#kernel-count").textContent()).toBe(`${hits.length} of ${report.steps.length} kernels`);
    await page.locator("#kernel-filter").fill("no such thing");
    expect(await names(page)).toEqual([]);
  });

  it("lead to the graph, and modules lead to them", async () => {
    const { page } = await open();
    await page.getByRole("button", { name: "layer1.0.act2" }).click();
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1", "0", "act2"]);
    expect(await page.locator("#panel-graph").isVisible()).toBe(true);
    await row(page, "layer3").click();
    const own = report.steps.filter((s) => s.module.startsWith("layer3"));
    await page
      .locator("#details")
      .getByRole("button", { name: `${own.length} kernels` })
      .click();
    expect(await names(page)).toEqual(own.map((s) => s.name));
  });

  it("have the arena as a picture, by pointer and by keyboard", async () => {
    const { page } = await open();
    const facts = page.locator("#tensor-facts");
    const [, , , third] = report.arena.tensors;
    await page.locator(".tensor").nth(3).hover();
    expect(await facts.textContent()).toContain(`${third?.name}: ${bytesText(third?.bytes ?? 0)} at `);
    expect(await facts.textContent()).toContain(`from step ${third?.from} to step ${third?.to}, convolution`);
    await page.mouse.move(0, 0);
    const focused = page.locator(":focus");
    await page.locator("#arena [tabindex='0']").focus();
    expect(await facts.textContent()).toMatch(/^input: .*from the start to step 0, the input$/);
    await page.keyboard.press("ArrowRight");
    expect(await focused.locator("title").textContent()).toContain(`${report.steps[0]?.name}: `);
    await page.keyboard.press("End");
    expect(await facts.textContent()).toMatch(/^fc: .*to the end, an output$/);
    await page.keyboard.press("Enter");
    expect(await page.locator("#kernels tr.chosen th").textContent()).toBe("fc");
    expect(await page.locator("#arena [aria-selected=true]").count()).toBe(1);
    expect(await page.locator("#arena [tabindex='0']").count()).toBe(1);
    await page.keyboard.press("ArrowLeft");
    expect(await facts.textContent()).toContain(`${report.steps.at(-2)?.name}: `);
    const { tensors } = report.arena;
    const above = (t: (typeof tensors)[number]) =>
      tensors
        .filter((o) => o.from <= t.from && t.from <= o.to && o.offset > t.offset)
        .toSorted((x, y) => x.offset - y.offset);
    const below = tensors.findIndex((t) => above(t).length > 0 && t.offset === 0);
    await page.locator(".tensor").nth(below).focus();
    await page.keyboard.press("ArrowUp");
    const [next] = tensors[below] === undefined ? [] : above(tensors[below]);
    expect(await facts.textContent()).toContain(`${next?.name}: `);
  });

  it("draw every tensor where it lies, under a line at the lower bound", async () => {
    const { page } = await open();
    const plane = await page.locator("#arena").boundingBox();
    const boxes = await Promise.all((await page.locator(".tensor").all()).map((box) => box.boundingBox()));
    for (const box of boxes) {
      expect(box?.width).toBeGreaterThan(2);
      expect(box?.y).toBeGreaterThanOrEqual((plane?.y ?? 0) - 2);
      expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual((plane?.y ?? 0) + (plane?.height ?? 0) + 2);
    }
    const line = await page.locator(".bound").boundingBox();
    const share = report.arena.lower_bound / report.arena.bytes;
    expect(Math.abs((line?.y ?? 0) - (plane?.y ?? 0) - (1 - share) * (plane?.height ?? 0))).toBeLessThan(4);
  });

  it.each([false, true])("have contrast (dark: %s)", async (dark) => {
    const { page } = await open({ dark });
    await sortBy(page, "Read");
    for (const text of [
      "#kernels tbody th button",
      "#kernels .heat",
      "#kernels thead button",
      ".kinds li",
      ".bound span",
      ".steps span",
    ])
      expect((await contrastOf(page.locator(text).first())).text, text).toBeGreaterThanOrEqual(4.5);
  });

  it("fit a phone, and can be read without scripts", async () => {
    const { page } = await open({ width: 390, height: 844 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    const still = await openPage(file(), { scripts: false });
    expect(await still.page.locator("#kernels tbody tr").count()).toBe(report.steps.length);
    expect(await still.page.locator("#kernels").isVisible()).toBe(true);
    expect(await still.page.locator(".tensor").first().isVisible()).toBe(true);
    expect(still.faults).toEqual([]);
  });
});
