import { kernelTarget } from "./kernels.ts";
import type { Target } from "./target.ts";
import { TimmcError } from "../../ir/error.ts";

/** Kernels in CUDA C++. */
export const cuda: Target = {
  ...kernelTarget("cuda"),
  check: () => {
    throw unsupported();
  },
  emit: () => {
    throw unsupported();
  },
  places: () => ({ model: "model.cu", texts: [] }),
  texts: () => ({}),
  load: () => Promise.reject(unsupported()),
};

const unsupported = (): TimmcError =>
  new TimmcError("unsupported", "the target cuda is not in this version of timmc", {
    hint: "Use --target onnx or webgpu.",
  });
