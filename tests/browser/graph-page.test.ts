import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { decodePage } from "../../src/driver/graph-page/browser/model.js";
import { graphPage } from "../../src/driver/graph-page/graph-page.ts";
import { pageHtml } from "../../src/driver/graph-page/page.ts";
import { cli } from "../cli/run-cli.ts";
import { describeInBrowser, openPage } from "./browser.ts";
import { box, crumbs, inspectPages, names, row, said, tab } from "./inspect-pages.ts";
import { contrastOf, styleOf } from "./style.ts";

describeInBrowser("the page of inspect --html in a browser", () => {
  const { path, resnet, vit } = inspectPages();

  it("opens from a file, alone, without a word on the console", async () => {
    for (const file of [resnet(), vit()]) {
      const { page, faults } = await openPage(file);
      expect(await names(page)).toContain(file === vit() ? "blocks" : "layer1");
      for (const name of ["Passes", "Taps", "Graph"]) await tab(page, name);
      await page.getByText("Side by side").click();
      await page.getByRole("button", { name: "Unfold all" }).click();
      expect(faults).toEqual([]);
    }
  });

  it("has a tree that folds, moves and opens by keyboard", async () => {
    const { page } = await openPage(resnet());
    const focused = page.locator(":focus");
    await row(page, "").focus();
    await page.keyboard.press("l");
    expect(await focused.getAttribute("data-path")).toBe("layer1");
    expect(await focused.getAttribute("aria-level")).toBe("2");
    await page.keyboard.press("ArrowRight");
    expect(await row(page, "layer1").getAttribute("aria-expanded")).toBe("true");
    await page.keyboard.press("ArrowRight");
    expect(await focused.getAttribute("data-path")).toBe("layer1.0");
    await page.keyboard.press("Enter");
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1", "0"]);
    expect(await row(page, "layer1.0").getAttribute("aria-selected")).toBe("true");
    expect(await page.locator("#tree [aria-selected=true]").count()).toBe(1);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    expect(await focused.getAttribute("data-path")).toBe("layer1");
    await page.keyboard.press("ArrowLeft");
    expect(await row(page, "layer1.0").count()).toBe(0);
    expect(await page.locator("#tree [tabindex='0']").count()).toBe(1);
    await page.keyboard.press("End");
    expect(await focused.getAttribute("data-path")).toBe("fc");
    expect((await styleOf(focused)).outlineStyle).toBe("solid");
  });

  it("draws a level, goes down by click and up by Escape, and back by the browser", async () => {
    const { page } = await openPage(resnet());
    await box(page, "layer1").dblclick();
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1"]);
    await box(page, "0").click();
    expect(await page.locator("#details h2").textContent()).toBe("layer1.0");
    await page.keyboard.press("Enter");
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1", "0"]);
    await box(page, "add").click();
    expect(await page.locator("#details h2").textContent()).toBe("add");
    await page.keyboard.press("ArrowUp");
    expect(await page.locator("#details h2").textContent()).not.toBe("add");
    await page.keyboard.press("Escape");
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1"]);
    await page.goBack();
    await expect.poll(() => crumbs(page)).toEqual(["test_resnet", "layer1", "0"]);
  });

  it("opens one level by a double click, selected or not", async () => {
    const { page } = await openPage(resnet());
    await row(page, "layer1").locator(".name").click();
    await row(page, "").locator(".name").click();
    await box(page, "layer1").click();
    expect(await box(page, "layer1").getAttribute("aria-selected")).toBe("true");
    // A new series of clicks: one that follows at once would belong to the last.
    await page.waitForTimeout(700);
    await box(page, "layer1").dblclick();
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1"]);
    await box(page, "0").dblclick();
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1", "0"]);
    await page.keyboard.press("Escape");
    await page.waitForTimeout(700);
    await box(page, "0").click({ clickCount: 3 });
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1", "0"]);
  });

  it("opens at the module of its address, or whole where that is none", async () => {
    const { page, faults } = await openPage(resnet());
    await page.evaluate("location.hash = '50%'");
    await page.reload();
    expect(await crumbs(page)).toEqual(["test_resnet"]);
    await page.evaluate("location.hash = 'layer2.0'");
    await expect.poll(() => crumbs(page)).toEqual(["test_resnet", "layer2", "0"]);
    expect(faults).toEqual([]);
  });

  it("shows what a stranger wrote as it was written", async () => {
    const hostile = `</script><img src=x onerror="alert(1)">'&`;
    const { data, inspection } = await graphPage({
      model: "test_resnet",
      cacheDir: hostile,
      weights: { file: hostile },
    });
    const strange = path("strange.html");
    const named = { ...data, title: hostile, level: hostile };
    writeFileSync(strange, pageHtml(decodePage(named), { ...inspection, notices: [hostile] }));
    const { page, faults } = await openPage(strange);
    expect(await page.title()).toBe(`${hostile} - timmc inspect`);
    expect(await page.locator("h1").textContent()).toBe(hostile);
    expect(await page.locator(".notices li").first().textContent()).toBe(hostile);
    await row(page, "").locator(".name").click();
    expect(await page.locator("#details h2").textContent()).toBe(hostile);
    await tab(page, "Passes");
    expect(await page.locator("#panel-passes h2").first().textContent()).toBe(`Passes of ${hostile}`);
    await tab(page, "Taps");
    expect(await page.locator("#command").textContent()).toContain(`'</script><img src=x onerror="alert(1)">'\\''&'`);
    expect(await page.locator("#call").textContent()).toContain(JSON.stringify(hostile));
    expect(await page.locator("img").count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it("shows what a folder's config.json says as it was written, and runs none of it", async () => {
    const hostile = `</script><img src=x onerror="document.title='run'">'&`;
    const folder = path(`<img src=x onerror=alert(1)>"'&`);
    mkdirSync(folder);
    const config = {
      architecture: "test_resnet",
      num_classes: 2,
      label_names: [hostile, "<script>alert(1)</script>"],
      label_descriptions: { [hostile]: hostile },
      pretrained_cfg: { tag: hostile, license: hostile, num_classes: 2, classifier: "fc", first_conv: "conv1.0" },
    };
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    const file = path("folder.html");
    const { status } = await cli(["inspect", `local-dir:${folder}`, "--weights", "none", "--html", file]);
    expect(status).toBe(0);
    const { page, faults } = await openPage(file);
    for (const name of ["Graph", "Passes", "Taps"]) await tab(page, name);
    expect(await page.locator("h1").textContent()).toBe(`test_resnet.${hostile}`);
    expect(await page.title()).toBe(`test_resnet.${hostile} - timmc inspect`);
    expect(await names(page)).toContain("layer1");
    expect(await page.locator("#command").textContent()).toContain("local-dir:");
    expect(await page.locator("img").count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it("gives each module the shape that it hands on, whatever is tapped inside it", { timeout: 120_000 }, async () => {
    const file = path("attention.html");
    const shapes = async (taps: string, view = "Before"): Promise<(string | null)[]> => {
      expect((await cli(["inspect", "test_vit", "--taps", taps, "--html", file])).status).toBe(0);
      const { page } = await openPage(file);
      await page.getByText(view, { exact: true }).click();
      await page.getByRole("button", { name: "Unfold all" }).click();
      const of = (module: string) => row(page, module).locator("td").first().textContent();
      return [await of(""), await of("blocks"), await of("blocks.0"), await of("blocks.0.attn")];
    };
    const plain = await shapes("logits");
    expect(plain).toEqual(["1000", "101×64", "101×64", "101×64"]);
    // The head reads one token: the last block computes no more.
    const after = ["1000", "1×64", "101×64"];
    expect((await shapes("logits", "After")).slice(0, 3)).toEqual(after);
    const taps = "logits,attn:blocks.0,features.0,features.0.prefix";
    expect(await shapes(taps)).toEqual(plain);
    expect((await shapes(taps, "After")).slice(0, 3)).toEqual(after);
    // Nothing but the map is computed: no module hands anything on.
    expect(await shapes("attn:blocks.0")).toEqual(["", "", "", ""]);
  });

  it("says in its header what the drawn outputs cost where that is not the cost of the network", async () => {
    const { page } = await openPage(resnet());
    const root = (opened: Page) => row(opened, "").locator("td").nth(2).textContent();
    expect(await page.locator(".facts").textContent()).toContain(` ${await root(page)} MACs `);
    const file = path("less.html");
    expect((await cli(["inspect", "test_resnet", "--taps", "features.1", "--html", file])).status).toBe(0);
    const { page: less } = await openPage(file);
    expect(await less.locator(".facts").textContent()).toContain(`, ${await root(less)} to the outputs drawn here`);
  });

  it("says why nothing of a module is left, and what took its operations", async () => {
    const { page } = await openPage(resnet());
    await row(page, "bn1").locator(".name").click();
    await page.getByText("After", { exact: true }).click();
    const sentence = page.locator(".after .nothing");
    expect(await sentence.textContent()).toBe(
      "bn1 is empty after the passes: fold-batch-norm took its operations into conv1.6.",
    );
    const [words, frame] = [await sentence.boundingBox(), await page.locator("#canvas-after").boundingBox()];
    expect(words?.height).toBeGreaterThan(0.8 * (frame?.height ?? NaN));
    expect((words?.x ?? NaN) + (words?.width ?? NaN) / 2).toBeCloseTo((frame?.x ?? NaN) + (frame?.width ?? NaN) / 2, 0);
    expect(await page.locator("#details").textContent()).toContain("fold-batch-norm once");
    await row(page, "layer1").locator(".name").click();
    expect(await sentence.isVisible()).toBe(false);
  });

  it("counts a rule's applications alike in the table of passes, by module and in the details", async () => {
    for (const file of [resnet(), vit()]) {
      const { page } = await openPage(file);
      await row(page, "").locator(".name").click();
      const counted = async (list: string): Promise<Map<string, number>> => {
        const sums = new Map<string, number>();
        for (const text of await page.locator(list).allTextContents()) {
          const [rule = "", times] = text.split(" ");
          const n = times === "once" ? 1 : Number(times);
          if (!Number.isNaN(n)) sums.set(rule, (sums.get(rule) ?? 0) + n);
        }
        return sums;
      };
      const table = await counted("#panel-passes .scroll:has(tbody .rules) >> nth=0 >> .rules li");
      const byModule = await counted("#by-module tbody tr:first-child .rules li");
      expect(byModule.size).toBeGreaterThan(0);
      for (const [rule, n] of byModule) expect(n, rule).toBe(table.get(rule));
      expect(await counted("#details .rules li")).toEqual(byModule);
      expect(await page.locator("body").textContent()).not.toMatch(/× \d/);
    }
  });

  it.each([1366, 1024, 400])("cuts no table at a width of %i", async (width) => {
    for (const file of [resnet(), vit()]) {
      const { page } = await openPage(file, { width, height: 850 });
      for (const name of ["Passes", "Taps"]) {
        await tab(page, name);
        expect(await page.evaluate("document.documentElement.scrollWidth"), name).toBe(width);
        const tables = page.locator(`#panel-${name.toLowerCase()} table`);
        const rooms = await tables.evaluateAll((all) =>
          all.map((table) => {
            const { overflowX, backgroundImage } = table.ownerDocument.defaultView.getComputedStyle(table.parentNode);
            return {
              table: table.offsetWidth,
              room: table.parentNode.clientWidth,
              right: table.parentNode.getBoundingClientRect().right,
              scrolls: overflowX === "auto" && backgroundImage.includes("gradient"),
            };
          }),
        );
        expect(rooms).toHaveLength(2);
        for (const { table, room, right, scrolls } of rooms) {
          expect(right).toBeLessThanOrEqual(width);
          expect(scrolls || table <= room).toBe(true);
          if (width === 1366) expect(table).toBeLessThanOrEqual(room);
        }
      }
    }
  });

  it("keeps words inside their boxes, and the drawing where it is put", async () => {
    const { page } = await openPage(vit());
    await page.getByText("Side by side").click();
    for (const module of ["blocks.1", "blocks.1.attn", ""]) {
      await page.getByRole("button", { name: "Unfold all" }).click();
      await row(page, module).locator(".name").click();
      const words = page.locator("svg .item text");
      const wide = await words.evaluateAll((texts) =>
        texts.filter((text) => text.getBBox().width > text.parentNode.querySelector(".box").getBBox().width),
      );
      expect(wide.length).toBe(0);
      expect(await words.count()).toBeGreaterThan(8);
    }
    const drawing = page.locator("#canvas-before > g");
    const before = await drawing.getAttribute("transform");
    await page.locator("#canvas-before").hover();
    await page.mouse.wheel(30, 50);
    await expect.poll(() => drawing.getAttribute("transform")).not.toBe(before);
    await page.getByRole("button", { name: "All of it" }).click();
    const frame = await page.locator("#canvas-before").boundingBox();
    const box = await drawing.boundingBox();
    expect(box?.y).toBeGreaterThanOrEqual(frame?.y ?? NaN);
    expect((box?.y ?? NaN) + (box?.height ?? NaN)).toBeLessThanOrEqual((frame?.y ?? NaN) + (frame?.height ?? NaN));
  });

  it("says of an operation what it is, and leads to who makes and who takes its values", async () => {
    const { page } = await openPage(resnet());
    await page.getByLabel("Search modules, operations and parameters").fill("conv layer1.0.conv1");
    await page.getByRole("option", { name: "conv layer1.0.conv1", exact: true }).click();
    const details = page.locator("#details");
    expect(await details.locator("h2").textContent()).toBe("conv");
    const text = (await details.textContent()) ?? "";
    for (const part of ["layer1.0.conv1.weight", "padding", "f32[N,", "MACs"]) expect(text).toContain(part);
    await details.locator("dt:text-is('Gives to') + dd button").first().click();
    expect(await details.locator("h2").textContent()).toBe("batch_norm");
    await details.locator("dt:text-is('Takes') + dd button").first().click();
    expect(await details.locator("h2").textContent()).toBe("conv");
  });

  it("searches by keyboard, and says how much was found", async () => {
    const { page } = await openPage(resnet());
    const field = page.getByLabel("Search modules, operations and parameters");
    await field.pressSequentially("layer2 bn1");
    expect(await said(page)).toMatch(/^\d+ results?$/);
    await page.keyboard.press("ArrowDown");
    expect(await field.getAttribute("aria-activedescendant")).toBe("found-0");
    await page.keyboard.press("Enter");
    expect(await crumbs(page)).toEqual(["test_resnet", "layer2", "0", "bn1"]);
    await field.fill("no such thing");
    expect(await said(page)).toBe("0 results");
  });

  it("shows both graphs side by side, with what was left out and who made the rest", async () => {
    const { page } = await openPage(resnet());
    await page.getByText("Side by side").click();
    await row(page, "bn1").click();
    await row(page, "").click();
    expect(await box(page, "bn1").getAttribute("aria-label")).toContain("nothing of it is left after the passes");
    expect(await box(page, "bn1", "after").count()).toBe(0);
    await box(page, "layer1", "after").click();
    expect(await page.locator("#details").textContent()).toContain("fold-batch-norm");
    await tab(page, "Passes");
    expect(await page.locator("#by-module tbody tr").first().textContent()).toMatch(/^all of it\d+ → \d+/);
  });

  it("has tabs that arrow keys move", async () => {
    const { page } = await openPage(resnet());
    await page.getByRole("tab", { name: "Graph" }).focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#panel-passes").isVisible()).toBe(true);
    await page.keyboard.press("End");
    expect(await page.locator("#panel-taps").isVisible()).toBe(true);
    expect(await page.locator("#panel-graph").isVisible()).toBe(false);
    await page.keyboard.press("ArrowRight");
    expect(await page.locator("#panel-graph").isVisible()).toBe(true);
  });

  it.each([false, true])("has contrast (dark: %s)", async (dark) => {
    const { page } = await openPage(resnet(), { dark });
    for (const text of [
      "h1",
      ".facts",
      "#tree thead th",
      "#tree tbody th",
      "#tree .heat",
      "#details dt",
      "#details dd",
      ".legend",
    ])
      expect((await contrastOf(page.locator(text).first())).text, text).toBeGreaterThanOrEqual(4.5);
    for (const control of ["#search", "#unfold", "#metric", ".views span"])
      expect((await contrastOf(page.locator(control).first())).border, control).toBeGreaterThanOrEqual(3);
    await tab(page, "Taps");
    for (const text of ["#stages td", "#stages tr:has(:checked) th", "#cost dt", "pre code"])
      expect((await contrastOf(page.locator(text).first())).text, text).toBeGreaterThanOrEqual(4.5);
  });

  it("fits a phone: nothing scrolls sideways but tables, and the modules have a tab of their own", async () => {
    const { page } = await openPage(resnet(), { width: 390, height: 844 });
    for (const name of ["Graph", "Passes", "Taps", "Modules"]) {
      await tab(page, name);
      expect(await page.evaluate("document.documentElement.scrollWidth"), name).toBe(390);
    }
    await row(page, "layer1").locator(".twisty").click();
    await row(page, "layer1.0").locator(".name").click();
    expect(await page.locator("#panel-graph").isVisible()).toBe(true);
    expect(await crumbs(page)).toEqual(["test_resnet", "layer1", "0"]);
  });

  it("has its tables without scripts", async () => {
    const { page, faults } = await openPage(resnet(), { scripts: false });
    expect(await page.locator("#stages tbody tr").count()).toBeGreaterThan(5);
    expect(await page.locator("#stages").isVisible()).toBe(true);
    expect(await page.locator("#panel-passes table").isVisible()).toBe(true);
    expect(await page.locator("#tree").isVisible()).toBe(false);
    expect(faults).toEqual([]);
  });
});
