import type { Page } from "playwright-core";
import { beforeAll, expect } from "vitest";
import { cli } from "../cli/run-cli.ts";
import { temporaryFolder } from "../driver/workspace.ts";

/** Two pages of `inspect --html`, written before the tests of a suite: a ResNet with weights, and a ViT with taps. */
export function inspectPages(): { path: (name: string) => string; resnet: () => string; vit: () => string } {
  const path = temporaryFolder();
  const resnet = (): string => path("resnet.html");
  const vit = (): string => path("vit.html");
  beforeAll(async () => {
    const pages = [
      [
        "test_resnet",
        "--input-size",
        "3,64,64",
        "--arg",
        "num_classes=7",
        "--weights",
        "synthetic",
        "--html",
        resnet(),
      ],
      ["test_vit", "--weights", "none", "--taps", "features,module:blocks.0.attn", "--html", vit()],
    ];
    for (const args of pages) expect((await cli(["inspect", ...args])).status).toBe(0);
  }, 60_000);
  return { path, resnet, vit };
}

export const row = (page: Page, module: string) => page.locator(`#tree tr[data-path="${module}"]`);

export const names = (page: Page): Promise<string[]> => page.locator("#tree tbody .name").allTextContents();

export const crumbs = (page: Page): Promise<string[]> => page.locator("#crumbs li").allTextContents();

export const box = (page: Page, name: string, side = "before") =>
  page.locator(`#canvas-${side} [role=option]`).filter({ has: page.getByText(name, { exact: true }) });

export const said = (page: Page) => page.locator("#status").textContent();

export const tab = (page: Page, name: string) => page.getByRole("tab", { name }).click();
