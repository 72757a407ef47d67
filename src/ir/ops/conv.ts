import { int, ints } from "../attr.ts";
import { type Dim, addDim, floorDivDim, isStatic, printDim, sameDim } from "../dim.ts";
import { type NdArray, at, zeros } from "../ndarray.ts";
import { type AttrsOf, defineOp, need } from "../op.ts";
import { type StaticType, type TensorType, count, printType, tensor } from "../type.ts";
import { commonDType } from "./elementwise.ts";

/** Output extent of a window that slides: floor((x + pads - dilation (k - 1) - 1) / stride) + 1. */
export const windowExtent = (x: Dim, kernel: number, stride: number, dilation: number, pads: number): Dim =>
  addDim(floorDivDim(addDim(x, pads - dilation * (kernel - 1) - 1), stride), 1);

export const convAttrs = { stride: ints(), padding: ints(), dilation: ints(), groups: int(1) };

/** What C1 to C7 say, in one place for every op that convolves. */
export const convConstraints =
  "C1: ranks agree. C2: C = groups x weight's second extent, and groups divides O. C3: bias is [O]. " +
  "C4: stride and dilation name every spatial axis, padding twice. C5: the window fits. " +
  "C6: equal element types. C7: stride, dilation, groups and the kernel are at least 1, and padding is not negative.";

type ConvAttrs = AttrsOf<typeof convAttrs>;

interface ConvOperands<T> {
  readonly x: T;
  readonly weight: T;
  readonly bias: T | undefined;
}

export const conv = defineOp({
  name: "conv",
  doc:
    "Cross-correlation of x [N, C, *spatial] with weight [O, C/groups, *kernel], any number of spatial axes. " +
    `padding lists the zeros before every axis, then after every axis. ${convConstraints}`,
  operands: ["x", "weight", "bias?"],
  attrs: convAttrs,
  infer: inferConv,
  evaluate: evaluateConv,
  macs: convMacs,
});

/** The type of a convolution. Throws by C1 to C7. */
export function inferConv(
  { x, weight, bias }: ConvOperands<TensorType>,
  { stride, padding, dilation, groups }: ConvAttrs,
): TensorType {
  const rank = x.shape.length - 2;
  const [n = 0, c = 0, ...space] = x.shape;
  const [o = 0, perGroup = 0, ...kernel] = weight.shape;
  need(
    groups >= 1 &&
      [...stride, ...dilation, ...kernel].every((n) => !isStatic(n) || n >= 1) &&
      padding.every((p) => p >= 0),
    "C7",
    "stride, dilation, groups and the kernel are at least 1, padding at least 0",
  );
  need(rank >= 1 && weight.shape.length === rank + 2, "C1", "x and weight need the same rank, at least 3");
  need(
    isStatic(perGroup) && isStatic(o) && sameDim(c, perGroup * groups),
    "C2",
    `x has ${printDim(c)} channels, weight expects ${printDim(perGroup)} x groups ${groups}`,
  );
  need(o % groups === 0, "C2", `${groups} groups do not divide ${o} output channels`);
  need(bias === undefined || (bias.shape.length === 1 && bias.shape[0] === o), "C3", `bias must be [${o}]`);
  need(stride.length === rank && dilation.length === rank && padding.length === 2 * rank, "C4", `${rank} spatial axes`);
  const out = space.map((extent, i) => {
    const k = kernel[i];
    need(isStatic(k ?? 0), "C1", "the kernel has a symbolic extent");
    const pads = (padding[i] ?? 0) + (padding[i + rank] ?? 0);
    return windowExtent(extent, k as number, stride[i] ?? 1, dilation[i] ?? 1, pads);
  });
  need(
    out.every((d) => !isStatic(d) || d > 0),
    "C5",
    `the kernel ${printType(weight)} does not fit into ${printType(x)}`,
  );
  return tensor(commonDType([x, weight, bias], "C6"), [n, o, ...out]);
}

export function evaluateConv(
  { x, weight, bias }: ConvOperands<NdArray>,
  a: ConvAttrs,
  result: StaticType,
): ReturnType<typeof zeros> {
  const out = zeros(result.dtype, result.shape);
  const [batch = 1, outputs = 1, ...outSpace] = result.shape;
  const [, perGroup = 1, ...kernel] = weight.shape;
  const geometry = taps(x.shape.slice(2), kernel, outSpace, a);
  const plane = count(outSpace);
  const inPlane = count(x.shape.slice(2));
  const kernelSize = count(kernel);
  const channels = x.shape[1] ?? 1;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outputs; o++) {
      const target = (n * outputs + o) * plane;
      if (bias) out.data.fill(at(bias, o), target, target + plane);
      const group = Math.floor((o * a.groups) / outputs);
      for (let c = 0; c < perGroup; c++)
        accumulate(
          out.data,
          target,
          x,
          (n * channels + group * perGroup + c) * inPlane,
          weight,
          (o * perGroup + c) * kernelSize,
          geometry,
        );
    }
  return out;
}

export function convMacs({ weight }: ConvOperands<StaticType>, _: ConvAttrs, result: StaticType): number {
  return count(result.shape) * count(weight.shape.slice(1));
}

interface Window {
  /** For each kernel position: pairs (output index, input index) that meet there. */
  readonly outputs: Int32Array;
  readonly inputs: Int32Array;
}

/** Which input each output meets at each position of the kernel; positions in the padding are left out. */
function taps(
  space: readonly number[],
  kernel: readonly number[],
  out: readonly number[],
  a: { readonly stride: readonly number[]; readonly padding: readonly number[]; readonly dilation: readonly number[] },
): Window[] {
  const plane = count(out);
  return Array.from({ length: count(kernel) }, (_, position) => {
    const outputs = new Int32Array(plane);
    const inputs = new Int32Array(plane);
    const k = unravel(position, kernel);
    let n = 0;
    for (let i = 0; i < plane; i++) {
      const o = unravel(i, out);
      let flat = 0;
      const inside = space.every((extent, d) => {
        const y = (o[d] ?? 0) * (a.stride[d] ?? 1) + (k[d] ?? 0) * (a.dilation[d] ?? 1) - (a.padding[d] ?? 0);
        flat = flat * extent + y;
        return y >= 0 && y < extent;
      });
      if (!inside) continue;
      outputs[n] = i;
      inputs[n++] = flat;
    }
    return { outputs: outputs.subarray(0, n), inputs: inputs.subarray(0, n) };
  });
}

/** Coordinates of a flat row-major index. */
export function unravel(index: number, shape: readonly number[]): number[] {
  const out = shape.map(() => 0);
  for (let d = shape.length - 1; d >= 0; d--) {
    const extent = shape[d] ?? 1;
    out[d] = index % extent;
    index = Math.floor(index / extent);
  }
  return out;
}

function accumulate(
  out: Float64Array,
  target: number,
  x: NdArray,
  from: number,
  weight: NdArray,
  kernelFrom: number,
  windows: readonly Window[],
): void {
  const data = x.data;
  windows.forEach(({ outputs, inputs }, position) => {
    const w = at(weight, kernelFrom + position);
    for (let i = 0; i < outputs.length; i++) {
      const o = target + (outputs[i] as number);
      out[o] = (out[o] as number) + w * (data[from + (inputs[i] as number)] as number);
    }
  });
}
