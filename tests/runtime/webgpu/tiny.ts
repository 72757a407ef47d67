import type { LoadOptions, Plan } from "../../../src/runtime/webgpu/index.ts";

/** y[c][r] = w[r][c] * x[r][c] for x of 2 x 3, and the sum of x: an output that lies in another order, and one of another type. */
export const tinyPlan: Plan = {
  weights: 256,
  arena: 1024,
  inputs: [{ name: "x", dtype: "u8", shape: [2, 3], order: [0, 1], offset: 0 }],
  outputs: [
    { name: "y", dtype: "f32", shape: [3, 2], order: [1, 0], offset: 256 },
    { name: "sum", dtype: "i32", shape: [1], order: [0], offset: 512 },
  ],
  steps: [
    {
      name: "scale",
      shader: 0,
      grid: [1, 1, 1],
      bindings: [
        [0, 0, 32],
        [1, 0, 32],
        [1, 256, 32],
      ],
    },
    {
      name: "sum",
      shader: 1,
      grid: [1, 1, 1],
      bindings: [
        [1, 0, 32],
        [1, 512, 16],
      ],
    },
  ],
};

const buffer = (n: number, name: string, access = "read_write"): string =>
  `@group(0) @binding(${n}) var<storage, ${access}> ${name}: array<f32>;\n`;

export const tinyShaders: readonly string[] = [
  `${buffer(0, "w", "read")}${buffer(1, "x")}${buffer(2, "y")}@compute @workgroup_size(6)
fn main(@builtin(local_invocation_index) i: u32) { y[i] = w[i] * x[i]; }`,
  `${buffer(0, "x")}${buffer(1, "s")}@compute @workgroup_size(1)
fn main() { s[0] = x[0] + x[1] + x[2] + x[3] + x[4] + x[5]; }`,
];

const scales = [0.5, 1, 2, 3, 4, 5];

export const tinyWeights = (): Uint8Array => {
  const bytes = new Uint8Array(256);
  new Float32Array(bytes.buffer).set(scales);
  return bytes;
};

export const tinyInput = { dims: [2, 3], data: Uint8Array.of(2, 20, 200, 7, 0, 255) };

/** What the model gives for the input. */
export const tinyOutputs = {
  y: { dims: [3, 2], data: Float32Array.of(1, 21, 20, 0, 400, 1275) },
  sum: { dims: [1], data: Int32Array.of(484) },
};

export const tiny = (more: Partial<LoadOptions> = {}): LoadOptions => ({
  plan: structuredClone(tinyPlan),
  shaders: tinyShaders,
  weights: tinyWeights(),
  ...more,
});
