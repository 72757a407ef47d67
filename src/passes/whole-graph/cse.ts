import { printAttr } from "../../ir/attr.ts";
import { printType } from "../../ir/type.ts";
import { type Value, attrEntries } from "../../ir/value.ts";
import type { Pass } from "../pass.ts";

/**
 * Equal op, operands and attributes are one value: ops are functions. The first stays, and keeps its name and origin; an
 * output keeps its own name. Blocks of a network make the same masks, positions and tables of rows: their weights become
 * one, and with them the initializers of an artifact.
 *
 * It belongs after the rules: a value with two uses is one that most patterns leave alone. It saves no time under ONNX
 * Runtime, for what runs in a zoo model is nowhere computed twice, but initializers: the tables of rows of equal blocks
 * (16 of swin_base's 22 after `permute-rows`), and the constants that a graph repeats, 253 in the convnexts together.
 */
export const cse: Pass = {
  name: "cse",
  run(graph) {
    const firsts = new Map<string, Value>();
    const numbers = new Map<Value, number>();
    let merged = 0;
    for (const value of graph.values()) {
      const key = keyOf(value, numbers);
      const first = firsts.get(key);
      if (first === undefined) {
        firsts.set(key, value);
        numbers.set(value, numbers.size);
        continue;
      }
      graph.replaceUses(value, first);
      graph.erase(value);
      merged++;
    }
    return { cse: merged };
  },
};

/**
 * Equal keys are equal values. Operands are told by the numbers of the values that stand for them, an input by its name,
 * which no other value has.
 */
function keyOf(value: Value, numbers: ReadonlyMap<Value, number>): string {
  if (value.op === "input") return value.name;
  const operands = value.operands.map((x) => (x === undefined ? "-" : numbers.get(x)));
  const attrs = attrEntries(value).map(([name, v]) => `${name}=${printAttr(v)}`);
  return `${value.op}(${operands.join(",")}){${attrs.join(",")}}:${printType(value.type)}`;
}
