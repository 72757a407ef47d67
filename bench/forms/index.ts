import { run as attention } from "./attention.ts";
import { run as conv } from "./conv.ts";
import { run as gelu } from "./gelu.ts";
import { run as hardSwish } from "./hard-swish.ts";
import { run as layerNorm } from "./layer-norm.ts";
import { run as linear } from "./linear.ts";
import { run as pointwiseLinear } from "./pointwise-linear.ts";
import { run as silu } from "./silu.ts";
import { run as squeezeExcite } from "./squeeze-excite.ts";
import { run as window } from "./window.ts";

/** Micro-benchmarks by name: several spellings of one function under ONNX Runtime, each printing its tables. */
export const forms: Readonly<Record<string, () => Promise<void>>> = {
  attention,
  conv,
  gelu,
  "hard-swish": hardSwish,
  "layer-norm": layerNorm,
  linear,
  "pointwise-linear": pointwiseLinear,
  silu,
  "squeeze-excite": squeezeExcite,
  window,
};
