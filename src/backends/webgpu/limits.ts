import { TimmcError } from "../../ir/error.ts";
import { bindingAlignment } from "../kernel/bindings.ts";
import { limits } from "../kernel/limits.ts";
import type { PlannedStep } from "../kernel/plan.ts";

/** Refuses a kernel that exceeds what every device has, by its module. Throws `unsupported`. */
export function requireLimits({ name, kernel, bindings }: PlannedStep): void {
  if (bindings.some(({ offset }) => offset % bindingAlignment !== 0))
    throw new TimmcError("invalid-ir", "a binding begins where none can", { trail: [name] });
  const largest = Math.max(0, ...bindings.map((b) => b.bytes));
  const shared = kernel.shared.reduce((n, { storage, length }) => n + length * (storage === "f16" ? 2 : 4), 0);
  const excess =
    largest > limits.bindingBytes
      ? `a tensor of ${largest} bytes: a kernel is given at most ${limits.bindingBytes}`
      : bindings.length > limits.storageBuffers
        ? `a kernel of ${bindings.length} buffers: every device has ${limits.storageBuffers}`
        : kernel.grid.some((n) => n > limits.workgroups)
          ? `a grid of ${kernel.grid.join(" x ")} workgroups: a side has at most ${limits.workgroups}`
          : kernel.workgroup > limits.threads
            ? `workgroups of ${kernel.workgroup} threads: every device has ${limits.threads}`
            : shared > limits.sharedBytes
              ? `${shared} bytes of shared memory: every device has ${limits.sharedBytes}`
              : undefined;
  if (excess === undefined) return;
  const isWide = kernel.buffers.some(({ storage }, i) => bindings[i]?.bytes === largest && storage === "f32");
  const canHalve = isWide && largest > limits.bindingBytes && largest <= 2 * limits.bindingBytes;
  throw new TimmcError("unsupported", `WebGPU does not take ${excess}`, {
    trail: [name],
    hint: `Use ${canHalve ? "--precision fp16, " : ""}a smaller --input-size or --batch, or --target onnx.`,
  });
}
