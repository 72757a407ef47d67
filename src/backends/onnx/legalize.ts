import type { Pass } from "../../passes/pass.ts";
import { rewriting } from "../../passes/rule.ts";
import { attention } from "./rules/attention.ts";
import { groupNorm } from "./rules/group-norm.ts";
import { linear } from "./rules/linear.ts";
import { resize } from "./rules/resize.ts";
import { rmsNorm } from "./rules/rms-norm.ts";
import { roll } from "./rules/roll.ts";

/** Which operators an emitted graph may have: those of the ONNX standard, or ONNX Runtime's own where they are faster. */
export type OperatorSet = "standard" | "ort";

/** What decides which forms exist. */
export interface Forms {
  /** The version of the standard operator set. */
  readonly opset: number;
  readonly ops: OperatorSet;
}

/**
 * Says every value that runs in forms that ONNX has. Reordered weights become weight expressions, which are evaluated at
 * emission and cost nothing at run time. Throws `unsupported` where no exact form exists.
 */
export const legalization = ({ opset }: Forms): Pass =>
  rewriting("onnx-legalization", [attention, groupNorm, linear, resize(opset), rmsNorm(opset), roll]);
