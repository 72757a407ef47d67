import { expect, test } from "vitest";
import { printAttr } from "../../src/ir/attr.ts";
import type { AttrValue } from "../../src/ir/attr.ts";
import { type OpName, opOf, ops } from "../../src/ir/ops/index.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** One op: its doc, its operands (`?` optional, `*` any number) and its attributes. */
function section(name: OpName): string {
  const { doc, operands, attrs } = opOf(name);
  const rows = Object.entries(attrs).map(
    ([attr, { type, default: fallback }]) =>
      `| \`${attr}\` | ${cell(type)} | ${fallback === undefined ? "required" : `\`${printAttr(fallback as AttrValue)}\``} |`,
  );
  const table = rows.length === 0 ? [] : ["", "| attribute | type | default |", "| --- | --- | --- |", ...rows];
  return [`## \`${name}(${operands.join(", ")})\``, "", doc, ...table, ""].join("\n");
}

/** `npx vitest run tests/ir/ops-docs.test.ts -u` writes the file anew after a change of an op. */
test("docs/ops.md says what the op records say", async () => {
  const intro =
    "# Ops\n\nEvery op of the IR, from its record in `src/ir/ops`. An operand with `?` is optional, one with `*` stands for any\n" +
    "number. C1, C2 and so on are the constraints that a refusal names. This file is made by `tests/ir/ops-docs.test.ts`.\n";
  const text = [intro, ...(Object.keys(ops) as OpName[]).map(section)].join("\n");
  await expect(text).toMatchFileSnapshot("../../docs/ops.md");
});
