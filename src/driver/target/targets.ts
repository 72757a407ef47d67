import { cuda } from "./cuda.ts";
import { type TargetName, defaultTarget } from "./names.ts";
import { onnx } from "./onnx.ts";
import type { Target, TargetRequest } from "./target.ts";
import { webgpu } from "./webgpu.ts";

const targets: { readonly [N in TargetName]: Target } = { onnx, webgpu, cuda };

/** The target of a request or of a manifest. */
export const targetOf = (of: { readonly target?: TargetName | undefined } | { readonly name: TargetName }): Target =>
  targets["name" in of ? of.name : (of.target ?? defaultTarget)];

/** The same request with the batch that its target has by itself. Throws `usage` for what the target does not take. */
export function checkedRequest<T extends TargetRequest>(request: T): T & { readonly batch: number | "dynamic" } {
  const target = targetOf(request);
  target.check(request);
  return { ...request, batch: request.batch ?? target.defaultBatch };
}
