import { join } from "node:path";
import { expect, it } from "vitest";
import type { Activations } from "../../src/driver/activations.ts";
import { pictures, shapesModel } from "../driver/workspace.ts";
import { cli, cliJson } from "./run-cli.ts";

const star = join(pictures, "star-1.png");
const command = ["inspect", `local-dir:${shapesModel}`, "--arg", "in_chans=1", "--activations", star];

it("inspect --activations notes what the weights needed, in words and as JSON", async () => {
  const { notices, taps } = (await cliJson(...command)) as Activations;
  expect(notices).toHaveLength(1);
  expect(taps.map(({ tap }) => tap)).toEqual([0, 1, 2, 3, 4].map((i) => `features.${i}`));
  const { status, out, err } = await cli([...command, "--batch", "2"]);
  expect(status).toBe(0);
  for (const notice of notices) expect(err).toContain(notice);
  expect(out).toMatch(/^features\.4 +layer4 +96 /m);
});
