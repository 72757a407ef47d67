/** Runs the WebGPU artifacts of timmc in browsers and in Node. No imports but its own files. */
export { type Needs, needsOf, requestDevice } from "./device.ts";
export { type FailureCode, WebGpuError } from "./error.ts";
export { type LoadOptions, type Model, type StepTime, type WeightBytes, loadModel } from "./model.ts";
export { type ElementType, type Plan, type Step, type Tensor, checkPlan } from "./plan.ts";
export type { Data, Values } from "./values.ts";
