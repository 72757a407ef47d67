import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import type { Manifest } from "../../src/driver/manifest.ts";
import { cli } from "../cli/run-cli.ts";
import { describeInBrowser, openPage } from "./browser.ts";
import { inspectPages, row, said, tab } from "./inspect-pages.ts";
import { contrastOf } from "./style.ts";

const timmc = join(import.meta.dirname, "../../bin/timmc.js");

describeInBrowser("the tap chooser of inspect --html in a browser", () => {
  const { path, resnet, vit } = inspectPages();

  /** What Copy leaves for the next Ctrl-V; where the browser refuses the clipboard, Copy selects the text. */
  async function copied(page: Page): Promise<string> {
    await page.getByRole("button", { name: "Copy the command" }).click();
    await expect.poll(() => said(page)).toMatch(/^(?:Copied|Selected: copy it with the keyboard)$/);
    if ((await said(page)) !== "Copied") await page.keyboard.press("Control+C");
    const field = page.getByLabel("Search modules, operations and parameters");
    await field.focus();
    await page.keyboard.press("Control+V");
    return field.inputValue();
  }

  it("says beside the field that there is no such module, and takes both spellings of one", async () => {
    const { page } = await openPage(vit());
    await tab(page, "Taps");
    const field = page.getByLabel("Module", { exact: true });
    const message = page.locator("#panel-taps").getByRole("alert");
    await field.fill("bloks.1.atn");
    await field.press("Enter");
    expect(await message.textContent()).toBe('There is no module "bloks.1.atn". Did you mean "blocks.1.attn"?');
    expect(await message.isVisible()).toBe(true);
    expect((await contrastOf(message)).text).toBeGreaterThanOrEqual(4.5);
    expect(await field.getAttribute("aria-invalid")).toBe("true");
    await field.fill("module:blocks.1");
    expect(await message.isVisible()).toBe(false);
    expect(await field.getAttribute("aria-invalid")).toBe("false");
    await field.press("Enter");
    await field.fill("blocks.1.attn");
    await field.press("Enter");
    expect(await page.locator("#added code").allTextContents()).toEqual([
      "module:blocks.0.attn",
      "module:blocks.1",
      "module:blocks.1.attn",
    ]);
    expect(await message.isVisible()).toBe(false);
  });

  it("has one name for an attention map, however it was asked for", async () => {
    const file = path("maps.html");
    for (const taps of ["attn:blocks.1", "attn:blocks.1.attn", "attn:blocks"]) {
      const args = ["inspect", "test_vit", "--taps", taps, "--html", file];
      expect((await cli(args)).status, taps).toBe(0);
      const { page } = await openPage(file);
      await tab(page, "Taps");
      const offered = await page
        .locator("input[name=tap][value^='attn:']")
        .evaluateAll((boxes) => boxes.map((input) => input.getAttribute("value")));
      expect(offered).toEqual(Array.from({ length: offered.length }, (_, i) => `attn:blocks.${i}`));
      const chosen = taps === "attn:blocks" ? offered : ["attn:blocks.1"];
      expect(await page.locator("#outputs tbody th").allTextContents()).toEqual(chosen);
      expect(await page.locator("#command").textContent()).toContain(`--taps ${chosen.join(",")}`);
    }
  });

  it("begins with the taps that it was asked for", async () => {
    const { page } = await openPage(vit());
    await tab(page, "Taps");
    const outputs = await page.locator("#outputs tbody th").allTextContents();
    expect(outputs.slice(-1)).toEqual(["module:blocks.0.attn"]);
    expect(outputs.slice(0, -1).every((name) => name.startsWith("features."))).toBe(true);
    expect(await page.locator("#cost dd").first().textContent()).toMatch(/, 9\d(?:\.\d)? % of the network/);
    await page.getByLabel("Class and register tokens").check();
    await page.locator("input[value='features.1.prefix']").check();
    expect(await page.locator("#outputs tbody th").last().textContent()).toBe("features.1.prefix");
    await page.getByLabel("Attention maps").check();
    await page.locator("input[value='attn:blocks.1']").check();
    expect(await page.locator("#outputs tbody td").nth(-5).textContent()).toBe("f32[N,2,101,101]");
  });

  it("begins with stages in the order of out_indices", async () => {
    const file = path("order.html");
    const args = ["test_resnet", "--arg", "out_indices=[3,1]", "--taps", "features,module:layer1.0", "--html", file];
    expect((await cli(["inspect", ...args])).status).toBe(0);
    const { page } = await openPage(file);
    await tab(page, "Taps");
    expect(await page.locator("#outputs tbody th").allTextContents()).toEqual([
      "features.3",
      "features.1",
      "module:layer1.0",
    ]);
    expect(await page.locator("#added code").allTextContents()).toEqual(["module:layer1.0"]);
    await page.getByRole("button", { name: "Remove module:layer1.0" }).click();
    expect(await page.locator("#command").textContent()).toContain("--taps features.3,features.1 ");
  });

  it("gives a command that compiles what was clicked", { timeout: 120_000 }, async () => {
    const { page } = await openPage(resnet());
    await tab(page, "Taps");
    for (const tap of ["features.3", "features.1", "logits"]) await page.locator(`input[value="${tap}"]`).click();
    await tab(page, "Graph");
    await row(page, "layer3").click();
    await page.getByRole("button", { name: "Tap this module" }).click();
    expect(await said(page)).toMatch(/^3 outputs, /);
    await page.getByLabel("Folder").fill("two stages");
    const shown = await page
      .locator("#outputs tbody tr")
      .evaluateAll((rows) =>
        rows.map(({ cells: [name, type] }) => `${name?.textContent ?? ""} ${type?.textContent ?? ""}`),
      );
    const command = (await page.locator("#command").textContent()) ?? "";
    expect(command).toContain("--taps features.3,features.1,module:layer3");
    expect(await copied(page)).toBe(command);
    execFileSync("sh", ["-ec", `timmc() { "${process.execPath}" "${timmc}" "$@"; }; ${command}`], {
      cwd: dirname(resnet()),
      stdio: "pipe",
    });
    const manifest = JSON.parse(readFileSync(path("two stages/manifest.json"), "utf8")) as Manifest;
    expect(shown).toEqual(manifest.outputs.map(({ name, dtype, shape }) => `${name} ${dtype}[${shape.join(",")}]`));
    expect(manifest.num_classes).toBe(7);
    expect(manifest.source.weights.kind).toBe("synthetic");
    const cost = (await page.locator("#cost").textContent()) ?? "";
    expect(cost).toContain("fc");
  });
});
