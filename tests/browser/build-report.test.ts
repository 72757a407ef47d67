import { mkdirSync, writeFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { reportPage } from "../../src/driver/build-report/page.ts";
import { failed, sampleSummary, summaryOf, variant } from "../driver/build-report/sample.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { describeInBrowser, openPage } from "./browser.ts";
import { contrastOf, styleOf } from "./style.ts";

describeInBrowser("the page of a build in a browser", () => {
  const at = temporaryFolder();
  const summary = sampleSummary();
  let file = "";

  beforeAll(() => {
    file = at("report.html");
    writeFileSync(file, reportPage(summary, { artifacts: "artifacts" }));
  });

  const shown = (page: Page): Promise<string[]> => page.locator("tbody tr:not([hidden]) th").allTextContents();
  const head = (page: Page, column: string) => page.locator(`thead th[data-column="${column}"] button`);

  it("opens from a file, alone, with a row per variant and every mark", async () => {
    const { page, faults } = await openPage(file);
    expect(await shown(page)).toEqual(summary.variants.map(({ name }) => name));
    expect(await page.locator(".mark[data-row]:visible").count()).toBe(32);
    await head(page, "size").click();
    await page.getByLabel("Name contains").fill("resnet");
    expect(faults).toEqual([]);
  });

  it("sorts by numbers, those without one last", async () => {
    const { page } = await openPage(file);
    const names = (valueOf: (v: (typeof summary.variants)[number]) => number | null | undefined, sign: number) =>
      summary.variants
        .flatMap((v) => (typeof valueOf(v) === "number" ? [[v.name, valueOf(v) ?? 0] as const] : []))
        .toSorted(([, a], [, b]) => sign * (a - b))
        .map(([name]) => name);
    await head(page, "size").click();
    expect((await shown(page)).slice(0, 16)).toEqual(names((v) => v.artifact?.bytes, 1));
    await head(page, "error").click();
    await head(page, "error").click();
    expect((await shown(page)).slice(0, 16)).toEqual(names((v) => v.verification?.error_of_std, -1));
    await head(page, "top1").click();
    expect((await shown(page)).slice(0, 12)).toEqual(names((v) => v.top1_agreement, -1));
  });

  it("filters rows, and their marks with them, and goes back at Reset", async () => {
    const { page } = await openPage(file);
    await page.getByLabel("Precision").selectOption("int8");
    expect((await shown(page)).length).toBe(4);
    expect(await page.locator(".mark[data-row]:visible").count()).toBe(8);
    await page.getByLabel("Size MiB at most").fill("20");
    expect(await shown(page)).toEqual(["resnet18.a1_in1k/int8", "resnet50.a1_in1k/int8"]);
    await page.getByLabel("Precision").selectOption("any");
    await page.getByLabel("Size MiB at most").fill("");
    await page.getByLabel("State").selectOption("failed");
    expect(await shown(page)).toEqual(["vit_tiny_patch16_224.augreg_in21k_ft_in1k/int4-weights"]);
    await page.getByRole("button", { name: "Reset" }).click();
    await expect.poll(async () => (await shown(page)).length).toBe(18);
    expect(await page.locator(".mark[data-row]:visible").count()).toBe(32);
  });

  it("leads from a row to its folder, from a failure to its reason, from a mark to its row", async () => {
    const folder = at("artifacts/resnet18.a1_in1k/fp32");
    mkdirSync(folder, { recursive: true });
    writeFileSync(at("artifacts/resnet18.a1_in1k/fp32/manifest.json"), "{}");
    const { page } = await openPage(file);
    await page.locator(".failures a").click();
    expect(await page.evaluate("location.hash")).toBe("#variant-16");
    await page.locator("tbody .wrong a").click();
    expect(await page.evaluate("location.hash")).toBe("#failure-16");
    await page.locator(".mark[data-row='variant-3']").first().click({ force: true });
    expect(await page.evaluate("location.hash")).toBe("#variant-3");
    const href = await page.locator("#variant-0 a").evaluate((e) => String(Reflect.get(e, "href")));
    expect(href).toBe(`${new URL(".", page.url()).href}artifacts/resnet18.a1_in1k/fp32/`);
    await page.locator("#variant-0 a").click();
    expect(page.url()).toBe(href);
    expect(await page.locator("body").textContent()).toContain("manifest.json");
  });

  it("is used by keyboard alone, with the focus in sight, and no stop at every mark", async () => {
    const { page } = await openPage(file);
    const focused = page.locator(":focus");
    await page.keyboard.press("Tab");
    expect(await focused.textContent()).toBe("To the table");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect((await shown(page))[0]).toBe("convnext_tiny.fb_in1k/fp16");
    expect((await styleOf(focused)).outlineStyle).toBe("solid");
    expect(await page.locator("svg a:not([tabindex='-1'])").count()).toBe(0);
  });

  it.each([400, 768, 1280])(
    "is no wider than a screen of %d pixels; the table scrolls in its own place",
    async (width) => {
      const { page } = await openPage(file, { width });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const letters = await page.locator("figure svg text").first().boundingBox();
      expect(letters?.height).toBeGreaterThan(9);
      const name = await page.locator("tbody th").first().boundingBox();
      await page.locator(".scroll").evaluate((e) => e.scrollTo(1000, 0));
      expect((await page.locator("tbody th").first().boundingBox())?.x).toBe(name?.x);
    },
  );

  it.each([false, true])("has contrast (dark: %s)", async (dark) => {
    const { page } = await openPage(file, { dark });
    const texts = [
      "h1",
      "h2",
      "dt",
      "dd",
      ".notices li",
      ".failures p",
      ".failures .hint",
      ".failures a",
      "tbody th a",
    ];
    for (const text of [...texts, "tbody td", ".wrong a", "figcaption", ".legend li", "label", "output"])
      expect((await contrastOf(page.locator(text).first())).text, text).toBeGreaterThanOrEqual(4.5);
    const ground = (await styleOf(page.locator("body"))).backgroundColor;
    expect(ground).toBe(dark ? "rgb(20, 22, 26)" : "rgb(255, 255, 255)");
    // What a mark is filled with, as the colour of text in its place.
    for (const mark of [0, 1, 2, 3, 4, 5]) {
      await page.locator("h1").evaluate((e, i) => e.setAttribute("style", `color: var(--m${i})`), mark);
      expect((await contrastOf(page.locator("h1"))).text, `m${mark}`).toBeGreaterThanOrEqual(3);
    }
  });

  it("runs nothing that a name says", async () => {
    const evil = `</script><img src=x onerror="document.title='hit'"><script>document.title='hit'</script>`;
    const hostile = at("hostile.html");
    const variants = [
      variant(`${evil}/a`, { precision: evil, target: evil }),
      variant("b/b"),
      failed(`javascript:document.title='hit'/c`, evil, evil),
    ];
    writeFileSync(hostile, reportPage(summaryOf(variants, { notices: [evil] }), { artifacts: "javascript:1" }));
    const { page, faults } = await openPage(hostile);
    expect(await page.title()).toBe("Build of timmc.config.ts");
    expect(await page.locator("img").count()).toBe(0);
    expect((await shown(page))[0]).toBe(`${evil}/a`);
    for (const href of await page
      .locator("a")
      .evaluateAll((all) => all.map((e) => String(Reflect.get(e, "protocol") ?? "file:"))))
      expect(href === "file:" || href === "undefined", href).toBe(true);
    expect(faults).toEqual([]);
  });

  it("can be read with scripts turned off", async () => {
    const { page, faults } = await openPage(file, { scripts: false });
    expect(await page.locator("tbody tr").count()).toBe(18);
    expect(await page.locator("form").isVisible()).toBe(false);
    expect(await page.locator("figure").count()).toBe(2);
    expect(faults).toEqual([]);
  });
});
