import type { Value } from "../../ir/value.ts";
import type { Stage } from "../family.ts";
import type { Module, Scope } from "../scope.ts";
import {
  type BlockModule,
  type BlockResult,
  type Style,
  convBlock,
  edgeBlock,
  invertedBlock,
  separableBlock,
} from "./blocks.ts";
import type { Block, Plan } from "./plan.ts";
import { attentionBlock, universalBlock } from "./universal-blocks.ts";

/** Where in the last block of a stage timm takes the feature: its output, or the widest value inside. */
export type FeatureLocation = "bottleneck" | "expansion";

function blockModule(c: Style, b: Block): BlockModule {
  switch (b.type) {
    case "cn":
      return convBlock(c, b);
    case "ds":
      return separableBlock(c, b);
    case "ir":
      return invertedBlock(c, b);
    case "er":
      return edgeBlock(c, b);
    case "uir":
      return universalBlock(c, b);
    case "mqa":
      return attentionBlock(c, b);
    default:
      return b satisfies never;
  }
}

/** The module `blocks`, and timm's feature stages of it. `stem` is stage 0 where the plan has one. */
export function trunk(s: Scope, stem: Value, plan: Plan, c: Style, location: FeatureLocation) {
  const results = new Map<string, BlockResult>();
  const block =
    (path: string, b: Block): Module =>
    (t, x) => {
      const result = blockModule(c, b)(t, x);
      results.set(path, result);
      return result.out;
    };
  const stage =
    (blocks: readonly Block[], i: number): Module =>
    (t, x) =>
      t.sequence(
        x,
        blocks.map((b, j) => block(`${i}.${j}`, b)),
      );
  const x = s.call("blocks", (t, y) => t.sequence(y, plan.stages.map(stage)), stem);

  const stages = plan.features.map(({ stage: n, channels, reduction }): Stage => {
    const format = "NCHW";
    if (n === 0) {
      const refused = location === "bottleneck" ? undefined : "timm has no feature_location=expansion for the stem";
      return { module: "bn1", value: stem, reduction, format, ...(refused === undefined ? {} : { refused }) };
    }
    const last = `${n - 1}.${(plan.stages[n - 1]?.length ?? 0) - 1}`;
    const { out, wide } = results.get(last) ?? { out: x, wide: undefined };
    if (location === "bottleneck") return { module: `blocks.${n - 1}`, value: out, channels, reduction, format };
    return { module: `blocks.${last}.${wide?.module ?? ""}`, value: wide?.value ?? out, reduction, format };
  });
  return { x, stages };
}
