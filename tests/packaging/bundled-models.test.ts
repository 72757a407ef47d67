import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { runImages } from "../../src/driver/run.ts";
import { verify } from "../../src/driver/verify.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { root } from "./command.ts";

const folder = join(root, "examples/models");
const pictures = readdirSync(join(folder, "pictures")).sort();

interface Expected {
  readonly [picture: string]: { readonly logits: readonly number[]; readonly top1: string };
}

/** The networks that the package ships, against what timm on PyTorch computes for the same files. */
describe.each(readdirSync(folder).filter((name) => name.endsWith(".shapes")))("%s", (name) => {
  const place = temporaryFolder();
  const model = `local-dir:${join(folder, name)}`;
  const expected = JSON.parse(readFileSync(join(folder, name, "expected.json"), "utf8")) as Expected;

  it("classifies every picture as timm does", async () => {
    expect(Object.keys(expected).sort()).toEqual(pictures);
    await compile({ model, out: place("artifact") });
    const paths = pictures.map((picture) => join(folder, "pictures", picture));
    const reports = await runImages(place("artifact"), paths, { top: 10 });
    for (const [i, { top }] of reports.entries()) {
      const wanted = expected[pictures[i] ?? ""];
      expect(top?.[0]?.label).toBe(wanted?.top1);
      const logits = top?.toSorted((a, b) => a.index - b.index).map(({ logit }) => logit) ?? [];
      expect(logits).toHaveLength(10);
      for (const [k, logit] of logits.entries()) expect(Math.abs(logit - Number(wanted?.logits[k]))).toBeLessThan(1e-3);
    }
  });

  it("verifies", async () => {
    expect((await verify(place("artifact"), { model })).passed).toBe(true);
  });
});
