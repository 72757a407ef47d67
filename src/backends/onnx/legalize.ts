import type { Pass } from "../../passes/pass.ts";
import { rewriting } from "../../passes/rewriting.ts";
import type { Forms } from "./forms.ts";
import { attention } from "./rules/attention.ts";
import { fusedConv } from "./rules/fused-conv.ts";
import { groupNorm } from "./rules/group-norm.ts";
import { linear } from "./rules/linear.ts";
import { packedAttention } from "./rules/packed-attention.ts";
import { resize } from "./rules/resize.ts";
import { rmsNorm } from "./rules/rms-norm.ts";
import { roll } from "./rules/roll.ts";

/**
 * Says every value that runs in forms that ONNX has. Reordered weights become weight expressions, which are evaluated at
 * emission and cost nothing at run time. Throws `unsupported` where no exact form exists. It chooses no form for speed: that is
 * for the passes (./passes.ts), which the certificate's reference goes without.
 */
export const legalization = ({ opset, ops }: Forms): Pass =>
  rewriting("onnx-legalization", [
    attention,
    fusedConv(ops),
    groupNorm,
    linear,
    packedAttention(opset),
    resize(opset),
    rmsNorm(opset),
    roll,
  ]);
