import { TimmcError } from "../../ir/error.ts";
import type { Pass, Pipeline } from "../../passes/pass.ts";
import { halfPrecision } from "../../passes/precision/half.ts";
import type { Calibration } from "../../passes/precision/calibration.ts";
import type { Precision } from "../../passes/precision/precision.ts";
import { quantizeStatic } from "../../passes/precision/static.ts";
import { layoutRules } from "../../passes/presets.ts";
import { passOf, rewriting } from "../../passes/rewriting.ts";
import { dynamicProduct } from "../../passes/rules/dynamic-product.ts";
import { keptWeight } from "../../passes/rules/kept-weight.ts";
import { pixelsAsRows } from "../../passes/rules/pixels-as-rows.ts";
import { quantizePastRectifier } from "../../passes/rules/quantize-past-rectifier.ts";
import { cse } from "../../passes/whole-graph/cse.ts";
import type { Forms } from "./forms.ts";
import { blocksSince } from "./lower/quantized.ts";

/** Perceptrons over pixels are products of matrices again: what runtimes have of eight and four bits is of these. */
const rows = rewriting("pixels-as-rows", [pixelsAsRows(() => false), ...layoutRules]);

/** Throws `unsupported` for a network of convolutions alone, of which nothing would change. */
const dynamic: Pass = {
  ...passOf(dynamicProduct),
  run: (graph) => {
    const counts = passOf(dynamicProduct).run(graph);
    if (Object.values(counts).some((n) => n > 0)) return counts;
    throw new TimmcError("unsupported", "nothing of this network runs faster with ranges of its own in every run", {
      hint: "Convolutions and small linear maps do not. Use --precision int8 with a calibration, or int8-weights.",
    });
  },
};

/** The passes that change what numbers are kept in, behind all others. Throws `usage` where they need a calibration, or an operator set. */
export function precisionPasses(precision: Precision, calibration: Calibration | undefined, forms: Forms): Pipeline {
  switch (precision) {
    case "fp32":
      return [];
    case "fp16":
      return [halfPrecision(calibration)];
    case "int8":
      return [quantizeStatic(given(calibration, forms)), passOf(quantizePastRectifier), cse];
    case "int8-dynamic":
      return [rows, dynamic, cse];
    case "int8-weights":
      return [rows, passOf(keptWeight(8)), cse];
    case "int4-weights":
      requireBlocks(forms);
      return [rows, passOf(keptWeight(4)), cse];
    default:
      return precision satisfies never;
  }
}

function requireBlocks({ opset }: Forms): void {
  if (opset >= blocksSince) return;
  throw new TimmcError(
    "usage",
    `--precision int4-weights needs 4-bit integers, and ONNX operator set ${opset} has none`,
    {
      hint: `Add --opset ${blocksSince}, or use --precision int8-weights.`,
    },
  );
}

/**
 * ONNX Runtime's own FusedConv hides what convolutions give before their activation, which eight bits must round; what it
 * fuses in float32 it has no form for in integers.
 */
function given(calibration: Calibration | undefined, { ops }: Forms): Calibration {
  if (ops === "ort")
    throw new TimmcError("usage", "--precision int8 takes the standard's operators, which ONNX Runtime fuses itself", {
      hint: "Leave --onnx-ops ort out, here and where you calibrate.",
    });
  if (calibration?.precision === "int8") return calibration;
  if (calibration !== undefined)
    throw new TimmcError("config", "the calibration was made for fp16: what eight bits hurt was not looked for", {
      hint: "Calibrate with --precision int8, whose file serves fp16 too: timmc calibrate MODEL PICTURES... -o FILE.",
    });
  throw new TimmcError("usage", "--precision int8 needs the ranges of the network's numbers", {
    hint: "Measure them with timmc calibrate MODEL PICTURES... -o FILE, and give --calibration FILE.",
  });
}
