import { createHash } from "node:crypto";
import { isPoint } from "../../backends/kernel/ops/point.ts";
import { rootOf } from "../../backends/kernel/ops/root.ts";
import { kernelPasses } from "../../backends/kernel/passes.ts";
import type { KernelPlan } from "../../backends/kernel/plan.ts";
import { storedWeights, weightBytes } from "../../backends/kernel/weights.ts";
import { writeKernels } from "../../backends/kernel/write-kernels.ts";
import { defaultForms } from "../../backends/onnx/forms.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import { isStaticType, printType } from "../../ir/type.ts";
import { runPipeline } from "../../passes/pass.ts";
import { deadCode } from "../../passes/whole-graph/dead-code.ts";
import { ownFailure } from "../verify-failure.ts";
import type { TargetName } from "./names.ts";
import { shown } from "../weight-numbers.ts";
import type { Emission, Source, Target } from "./target.ts";

type Shared = Pick<
  Target,
  | "name"
  | "defaultBatch"
  | "check"
  | "passes"
  | "forms"
  | "requireModel"
  | "requestOf"
  | "comparedIn"
  | "faultBehindPasses"
>;

/** What all targets have in common that are made of kernels. */
export const kernelTarget = (name: Exclude<TargetName, "onnx">): Shared => ({
  name,
  defaultBatch: 1,
  check: ({ opset, onnxOps, layout, batch }) => {
    const foreign =
      opset !== undefined
        ? `--opset ${opset}`
        : onnxOps !== undefined
          ? `--onnx-ops ${onnxOps}`
          : layout !== undefined && layout !== "plain"
            ? `--layout ${layout}`
            : undefined;
    if (foreign !== undefined)
      throw new TimmcError("usage", `the target ${name} does not take ${foreign}: it is one of the target onnx`, {
        hint: "Leave one of the two out.",
      });
    if (batch === "dynamic")
      throw new TimmcError("usage", `the target ${name} does not take --batch dynamic: kernels are made for a size`, {
        hint: "Use --batch 1, or another number, or --target onnx.",
      });
  },
  passes: () => kernelPasses,
  forms: () => ({ described: `the target ${name}`, asked: `--target ${name}`, others: [["--target onnx", {}]] }),
  requireModel: ({ lowered: { input } }) => {
    if (isStaticType(input.type)) return;
    throw new TimmcError("usage", `the target ${name} does not take an input of ${printType(input.type)}`, {
      hint: "Kernels are made for one size: give --batch a number.",
    });
  },
  requestOf: () => ({ target: name }),
  comparedIn: () => defaultForms,
  faultBehindPasses: ({ manifest: { compiler } }) =>
    Promise.resolve(
      ownFailure(
        "kernels",
        `the graph that the kernels are made of is right, and they are wrong: the files were changed, or timmc ${compiler.version} made them so`,
      ),
    ),
});

/** What a kernel target makes of a program, and what of it is said in the manifest. */
interface Made {
  readonly target: Emission["target"];
  readonly texts: Readonly<Record<string, string>>;
  readonly kernels: KernelPlan;
}

/** Files of texts and one of weights. */
export function kernelEmission({ target, texts, kernels }: Made, { parameters }: Source["weights"]): Emission {
  const tensors = storedWeights(kernels, parameters);
  return {
    target,
    onnxNodes: null,
    tensors,
    weightBytes: kernels.weights.bytes,
    write: (folder, { hasWeights, see, ...watch }) => {
      const seen = see === undefined ? tensors : tensors.map((tensor) => shown(tensor, see));
      const weights = hasWeights ? weightBytes(kernels, parameters, seen) : undefined;
      return writeKernels(folder, { texts, weights, weightBytes: kernels.weights.bytes }, watch);
    },
    differences: () => [],
    mismatch: ({ manifest }) => {
      const changed = Object.entries(texts).find(([path, text]) => {
        const sha256 = createHash("sha256").update(text).digest("hex");
        return manifest.files.find((file) => file.path === path)?.sha256 !== sha256;
      });
      return changed === undefined
        ? null
        : `${changed[0]} computes the right outputs, but is not what the manifest's request gives: the file or the request was changed. Compile the model again.`;
    },
  };
}

/** A copy of a graph that kernels can be made of. Throws `unsupported` with the module for what none computes. */
export function kernelGraph(source: Graph): Graph {
  const { graph } = source.clone();
  runPipeline(graph, [deadCode]);
  for (const value of graph.values()) {
    const { op, type, isWeight, origin } = value;
    const where = { trail: origin.path === "" ? [] : [origin.path], hint: "Use --target onnx." };
    if (!isStaticType(type))
      throw new TimmcError("unsupported", `kernels are made for one size, and this is ${printType(type)}`, where);
    if (!isWeight && op !== "input" && !isPoint(value) && rootOf(value) === undefined)
      throw new TimmcError("unsupported", `there is no kernel for ${op}`, where);
  }
  return graph;
}
