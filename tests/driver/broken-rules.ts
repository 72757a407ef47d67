import { any, op, weight } from "../../src/passes/pattern.ts";
import { type Rule, defineRule } from "../../src/passes/rule.ts";

/** Wrong: a linear map with a bias is none without it. */
export const dropLinearBias = defineRule({
  name: "drop-linear-bias",
  pattern: op.linear(any("x"), weight("kernel"), weight("bias")),
  rewrite: ({ x, kernel }, b) => b.linear(x, kernel, undefined),
});

/** Folds each bias into itself, harmlessly, once; wrong at one module, where it drops it. */
export const dropConvBias = (module: string): Rule =>
  defineRule({
    name: "drop-conv-bias",
    pattern: op.conv(any("x"), weight("kernel"), weight("bias")),
    where: ({ bias }) => !bias.origin.rules.includes("drop-conv-bias") || "it is done",
    rewrite: ({ root, x, kernel, bias }, b) =>
      b.conv(x, kernel, root.origin.path === module ? b.sub(bias, bias) : b.neg(b.neg(bias)), root.attrs),
  });
