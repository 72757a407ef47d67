/** What every WebGPU device has (https://www.w3.org/TR/webgpu/#limits): a program within runs on all of them. */
export const limits = {
  storageBuffers: 8,
  bindingBytes: 134_217_728,
  /** Along each side of the grid. */
  workgroups: 65_535,
  threads: 256,
  sharedBytes: 16_384,
} as const;
