import { dynamicSizeOpset } from "../forms.ts";
import { cuda } from "./cuda.ts";
import { type TargetName, defaultTarget } from "./names.ts";
import { onnx } from "./onnx.ts";
import type { Target, TargetRequest } from "./target.ts";
import { webgpu } from "./webgpu.ts";

const targets: { readonly [N in TargetName]: Target } = { onnx, webgpu, cuda };

/** The target of a request or of a manifest. */
export const targetOf = (of: { readonly target?: TargetName | undefined } | { readonly name: TargetName }): Target =>
  targets["name" in of ? of.name : (of.target ?? defaultTarget)];

/** What a request leaves to its target. */
interface Filled {
  readonly batch: number | "dynamic";
  /** Where it is given, or a dynamic size needs another than the default. */
  readonly opset: number | undefined;
}

/** The same request with what it leaves to its target. Throws `usage` for what the target does not take. */
export function checkedRequest<T extends TargetRequest>(request: T): T & Filled {
  const target = targetOf(request);
  target.check(request);
  const opset = request.opset ?? (request.dynamicSize === undefined ? undefined : dynamicSizeOpset);
  return { ...request, opset, batch: request.batch ?? target.defaultBatch };
}
