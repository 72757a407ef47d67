import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./command.ts";

const read = (file: string): string => readFileSync(join(root, file), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "docs/architecture.md",
  "docs/coverage.md",
  "tests/oracle/data/README.md",
];

describe("the documents", () => {
  it.each(documents)("%s links to files that exist", (file) => {
    const links = [...read(file).matchAll(/\]\(([^)#]+)\)/g)].map(([, target = ""]) => target);
    const local = links.filter((target) => !target.startsWith("https:"));
    expect(local.filter((target) => !existsSync(join(root, dirname(file), target)))).toEqual([]);
  });

  it("index every decision", () => {
    const index = read("docs/architecture.md");
    expect(readdirSync(join(root, "docs/adr")).filter((name) => !index.includes(`(adr/${name})`))).toEqual([]);
  });

  it("count architectures as docs/coverage.md does", () => {
    const [readme, coverage] = [read("README.md"), read("docs/coverage.md")];
    const [, all, modules, compiled] =
      /has ([\d,]+) architectures in (\d+) modules, and timmc compiles ([\d,]+)/.exec(coverage) ?? [];
    expect(readme).toContain(`${compiled} of timm's ${all} architectures, in `);
    expect(readme).toContain(` of ${modules} families: `);
    const decided =
      coverage.slice(coverage.indexOf("## Decided by rounding")).match(/^\| \w+ \| (?!cause)\w+ \|/gm) ?? [];
    expect(readme).toContain(`some outputs of ${decided.length} architectures`);
  });

  it("name scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
    const named = documents.flatMap((file) =>
      [...read(file).matchAll(/npm (?:run )?([a-z][\w:]*)/g)].map(([, s = ""]) => s),
    );
    expect(named.filter((name) => !["install", "registry"].includes(name) && !Object.hasOwn(scripts, name))).toEqual(
      [],
    );
  });
});
