import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { reportPage } from "../../../src/driver/build-report/page.ts";
import { writeReport } from "../../../src/driver/build-report/write-report.ts";
import { temporaryFolder } from "../workspace.ts";
import { failed, sampleSummary, summaryOf, variant } from "./sample.ts";

const at = temporaryFolder();
const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;
const titles = (html: string): string[] =>
  [...html.matchAll(/<th scope="col"[^>]*><button type="button">([^<]+)</g)].map(([, title = ""]) => title);

describe("the page of a build", () => {
  it("is one document without other files, with a row and a mark per variant, the same each time", () => {
    const summary = sampleSummary();
    const html = reportPage(summary, { artifacts: "artifacts" });
    expect(count(html, /<tr id="variant-\d+">/g)).toBe(18);
    expect(count(html, /data-row="variant-\d+"/g)).toBe(32);
    expect(count(html, /<figure>/g)).toBe(2);
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/\bsrc=|@import|url\(|https?:/);
    expect(reportPage(summary, { artifacts: "artifacts" })).toBe(html);
  });

  it("says what was built, what failed and why, and what the cache holds", () => {
    const html = reportPage(sampleSummary(), {
      artifacts: ".",
      cache: { stored_bytes: 3 * 2 ** 30, bytes_without_sharing: 12 * 2 ** 30 },
    });
    expect(html).toContain("<dt>Variants</dt><dd>18: 16 complete, 1 failed, 1 missing</dd>");
    expect(html).toContain("<dd>3.00 GiB for artifacts of 12.0 GiB, 75 % less by sharing</dd>");
    expect(html).toContain(
      '<p>int4 blocks of 32 do not divide the 197 columns of pos_embed</p><p class="hint">Use int8-weights.</p>',
    );
    expect(html).toContain('<li id="failure-16"><a href="#variant-16">');
    expect(html).toContain('<a href="#failure-16">failed</a>');
    expect(count(html, /<span class="wrong">over budget<\/span>/g)).toBe(1);
  });

  it("has a column where a variant has the number, and pictures of two points or more", () => {
    const bare = variant("a/default", { verification: null, seconds: null });
    const html = reportPage(summaryOf([bare]), { artifacts: "artifacts" });
    expect(titles(html)).toEqual(["Variant", "State", "Target", "Precision", "Input", "Size", "MACs", "Params"]);
    expect(html).not.toMatch(/<figure>|Pictures/);
    const exact = variant("b/default", {
      verification: { passed: true, max_abs_error: 0, error_of_std: 0, budget_used: 0 },
    });
    expect(reportPage(summaryOf([exact, exact]), { artifacts: "artifacts" })).not.toContain("<figure>");
    expect(titles(reportPage(sampleSummary(), { artifacts: "." })).slice(-4)).toEqual([
      "Error",
      "Top-1 as fp32",
      "p50 ms",
      "Built in",
    ]);
  });

  it("draws points that are all the same, and points that are decades apart", () => {
    const of = (bytes: number, error: number) => {
      const base = variant(`m${bytes}/x`);
      return {
        ...base,
        artifact: base.artifact && { ...base.artifact, bytes },
        verification: { passed: true, max_abs_error: error, error_of_std: error, budget_used: 0 },
      };
    };
    for (const points of [
      [of(1000, 1e-6), of(1000, 1e-6)],
      [of(1, 1e-300), of(1e15, 1e10), of(1e6, 1)],
    ]) {
      const html = reportPage(summaryOf(points), { artifacts: "." });
      const places = [...html.matchAll(/translate\(([\d.-]+) ([\d.-]+)\)/g)].map(([, x, y]) => [Number(x), Number(y)]);
      expect(places.length).toBe(points.length);
      for (const [x = NaN, y = NaN] of places) expect(x > 60 && x < 430 && y > 10 && y < 256, `${x} ${y}`).toBe(true);
      expect(html).not.toContain("NaN");
      expect(count(html, /class="grid"/g)).toBeGreaterThanOrEqual(2);
    }
  });

  it("shows text as text, wherever it stands", () => {
    const evil = `</script><script>alert(1)</script>"'<img src=x onerror=alert(2)>&`;
    const html = reportPage(
      summaryOf(
        [
          variant(`${evil}/one`, { precision: evil, target: evil, latency: { p50_ms: 1, p95_ms: 1, batch: 1 } }),
          variant(`${evil}/two`, { latency: { p50_ms: 2, p95_ms: 1, batch: 1 } }),
          failed(`${evil}/three`, evil, evil),
        ],
        { config: evil, notices: [evil] },
      ),
      { artifacts: evil },
    );
    expect(count(html, /<script>/g)).toBe(1);
    expect(html).not.toMatch(/<img|javascript:/);
    for (const [, href = ""] of html.matchAll(/href="([^"]*)"/g))
      expect(href).toMatch(/^(?:#|\.\/)[\w%.~!*()'&;#/-]*$/);
  });

  it("leads to the artifacts from where it lies", () => {
    const summary = summaryOf([variant("a b/100%#?")]);
    mkdirSync(at("pages"));
    writeReport(at("pages/report.html"), summary, { out: at("out put") });
    expect(readFileSync(at("pages/report.html"), "utf8")).toContain('href="./../out%20put/a%20b/100%25%23%3F/"');
    writeReport(join(at("pages"), "same.html"), summary, { out: at("pages") });
    expect(readFileSync(at("pages/same.html"), "utf8")).toContain('href="./a%20b/100%25%23%3F/"');
    expect(() => writeReport(at("pages"), summary, { out: at("out") })).toThrow(/this is a folder/);
    expect(existsSync(at("out"))).toBe(false);
  });
});
